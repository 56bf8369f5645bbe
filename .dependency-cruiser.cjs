/**
 * The floors of docs/architecture.md. A package imports only from floors below its own, never sideways and never up;
 * tests may also use test-kit and runtime.
 */
const floors = [
  ["core"],
  ["checkpoint", "geo"],
  ["nn", "metrics", "onnx", "sentinel2", "synthetic"],
  ["vit-dinov2", "unet-decoder", "peft", "losses", "runtime"],
  ["train", "inference", "monitoring", "report"],
  ["segmenter"],
  ["mapping"],
  ["cli"],
];

const testFile = "\\.(test|bench)\\.ts$|/bench/";
const folder = (names) => `^packages/(${names.join("|")})/`;

const floorRules = floors.map((names, floor) => ({
  name: `floor-${floor}`,
  comment: `${names.join(", ")} may import only from the floors below`,
  severity: "error",
  from: { path: folder(names), pathNot: testFile },
  to: {
    path: "^packages/",
    pathNot: [...floors.slice(0, floor).map(folder), "^packages/$1/"],
  },
}));

module.exports = {
  forbidden: [
    ...floorRules,
    { name: "no-circles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "tests-stay-in-tests",
      comment: "test-kit is for tests only",
      severity: "error",
      from: { path: "^packages/(?!test-kit/)", pathNot: testFile },
      to: { path: "^packages/test-kit/" },
    },
    {
      name: "only-runtime-imports-backends",
      severity: "error",
      from: { path: "^packages/(?!runtime/|test-kit/|nn/src/(wasm|webgpu)/)", pathNot: testFile },
      to: { path: "node_modules/(@tensorflow/tfjs-backend|webgpu/)" },
    },
    {
      name: "yaml-and-zod-only-in-cli",
      severity: "error",
      from: { path: "^packages/(?!cli/)" },
      to: { path: "node_modules/(yaml|zod|commander)/" },
    },
    {
      name: "resolvable",
      severity: "error",
      from: {},
      to: { couldNotResolve: true, pathNot: "\\.wasm$|^@tensorflow/tfjs-node" },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(packages|apps)/[^/]+/(dist|assembly)/|tsup\\.config\\.ts$" },
    combinedDependencies: true,
    enhancedResolveOptions: { conditionNames: ["import", "types", "default"], exportsFields: ["exports"] },
  },
};
