// `npm test`: installs, builds and runs everything this machine can run, then says what ran and what did not.
// `npm test -- lint unit` runs the named steps only.
import { build, install, run } from "./workspace.mjs";

const steps = [
  ["lint", "code style and common mistakes", () => run("biome", ["ci", "."])],
  ["types", "strict TypeScript over all sources", () => run("tsc", ["--noEmit", "-p", "tsconfig.json"])],
  ["floors", "who may import whom", () => run("pnpm", ["-s", "floors"])],
  ["build", "every package", () => build().then(() => 0)],
  [
    "unit",
    "unit tests on cpu, wasm and WebGPU (SwiftShader)",
    () => run("vitest", ["run", "--project", "node"]),
  ],
  [
    "fuzz",
    "damaged files of every kind, for a bounded time; npm run fuzz goes on for longer",
    () =>
      run("tsx", ["--tsconfig", "tsconfig.json", "scripts/fuzz.ts", "--inputs", "40", "--minutes", "0.02"]),
  ],
  ["browser", "tests in headless Chromium", () => run("vitest", ["run", "--project", "browser"])],
  ["conformance", "golden cases of the original code", () => run("node", ["scripts/conformance.mjs"])],
  [
    "packages",
    "publint, attw, packed and installed elsewhere",
    () => run("node", ["scripts/check_packages.mjs"]),
  ],
  ["api", "public API against its snapshot", () => run("node", ["scripts/api_snapshot.mjs", "--check"])],
  ["docs", "API documentation builds", () => run("typedoc", ["--emit", "none"])],
  ["examples", "every example script", () => run("node", ["scripts/run_examples.mjs"])],
  ["demo", "the main job on a made-up scene", () => run("node", ["scripts/demo.mjs", "--check"])],
];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !steps.some(([step]) => step === name));
if (unknown.length > 0) {
  console.error(
    `npm test: no step named ${unknown.join(", ")}. Steps: ${steps.map(([name]) => name).join(", ")}.`,
  );
  process.exit(2);
}

install();
const results = [];
for (const [name, what, step] of steps) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.log(`\n== ${name}: ${what} ==`);
  const started = Date.now();
  const code = await step();
  results.push({ name, passed: code === 0, seconds: (Date.now() - started) / 1000 });
}

console.log("\n== summary ==");
for (const { name, passed, seconds } of results) {
  console.log(`${passed ? "ok    " : "FAILED"} ${name.padEnd(12)} ${seconds.toFixed(1).padStart(7)} s`);
}
const failed = results.filter(({ passed }) => !passed).length;
console.log(`${results.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
