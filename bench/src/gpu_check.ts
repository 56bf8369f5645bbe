import { parseArgs } from "node:util";
import { checkKernels, type KernelCheck, releaseBackend, selectBackend } from "@glof/runtime";
import { writeWhole } from "./bench_file.js";

// Whether the kernels compute right on this machine's GPU, and what it offers, before anything is timed:
//
//   check [--json file] [--no-robustness]

const { values } = parseArgs({
  options: { json: { type: "string" }, "no-robustness": { type: "boolean", default: false } },
});

/** A check in a line. */
function lineOf({ name, passed, valueError, gradientError, worstRatio, problem }: KernelCheck): string {
  const errors = `value ${valueError.toExponential(1)}, gradients ${gradientError.toExponential(1)}, ${worstRatio.toFixed(2)} of the tolerance`;
  return `  ${passed ? "right" : "WRONG"}  ${name}: ${problem ?? errors}`;
}

await main().catch((error: unknown) => {
  console.error(`check: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
});

async function main(): Promise<void> {
  const choice = await selectBackend({
    require: "webgpu",
    webgpu: { precision: "f16", robustness: !values["no-robustness"] },
  });
  const { adapter, features, limits, precision } = choice.details;
  for (const [name, found] of Object.entries({ adapter, features, limits, precision }))
    console.log(`${name.padEnd(10)} ${JSON.stringify(found)}`);
  // Gradients, and what is recorded for them, are in single precision in any case.
  const checks = await checkKernels((check) => console.log(lineOf(check)));
  const wrong = checks.filter(({ passed }) => !passed).length;
  console.log(wrong === 0 ? `all ${checks.length} kernels compute right` : `${wrong} kernels compute wrong`);
  if (values.json !== undefined) {
    // JSON has no infinity. `wrong` is what gpu-bench.sh looks for when it goes on.
    const plain = (_: string, value: unknown): unknown =>
      typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
    writeWhole(
      values.json,
      `${JSON.stringify({ wrong, adapter, features, limits, precision, checks }, plain, 1)}\n`,
    );
  }
  await releaseBackend();
  if (wrong > 0) process.exitCode = 1;
}
