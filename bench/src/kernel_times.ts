// Which kernels a pass spends its time in, on the WASM backend and one thread.
//
//   pnpm tsx --tsconfig tsconfig.json bench/src/kernel_times.ts [part of a pass's name] [least share in per cent]
//
// Prints one Markdown table: of each pass the repetition with the least CPU time, and its kernels from a share on (default 1 %).
// Bytes are those of inputs and results, each counted once; "stock" marks TensorFlow.js's own kernels.

import { fileURLToPath } from "node:url";
import { selectBackend } from "@glof/runtime";
import "@tensorflow/tfjs-backend-wasm";
import { watchKernels, watchPass } from "./kernel_clock.js";
import { kernelPasses } from "./kernel_passes.js";

const ROUNDS = 4;
const [wanted = "", least = "1"] = process.argv.slice(2);

watchKernels("stock ");
await selectBackend({ prefer: ["wasm"], threads: 1 });
watchKernels("");

console.log("| pass | ms | kernel | calls | ms | share | GB/s |\n|---|---|---|---|---|---|---|");
for (const { name, prepare } of await kernelPasses(
  fileURLToPath(new URL("../../packages/cli/models/glof-small.safetensors", import.meta.url)),
)) {
  if (!name.includes(wanted)) continue;
  const pass = prepare();
  let best = await watchPass(pass);
  for (let round = 1; round < ROUNDS; round++) {
    const again = await watchPass(pass);
    if (again.microseconds < best.microseconds) best = again;
  }
  const inKernels = best.kernels.reduce((sum, { microseconds }) => sum + microseconds, 0);
  const rest = {
    kernel: "outside of kernels",
    calls: 1,
    microseconds: best.microseconds - inKernels,
    bytes: 0,
  };
  const rows = [...best.kernels, rest].sort((a, b) => b.microseconds - a.microseconds);
  const ms = (microseconds: number): string => (microseconds / 1000).toFixed(1);
  let label = `${name} | ${ms(best.microseconds)}`;
  for (const { kernel, calls, microseconds, bytes } of rows) {
    const share = (100 * microseconds) / best.microseconds;
    if (share < Number(least)) break;
    const rate = bytes === 0 ? "" : (bytes / microseconds / 1000).toFixed(2);
    console.log(
      `| ${label} | ${kernel} | ${calls} | ${ms(microseconds)} | ${share.toFixed(1)} % | ${rate} |`,
    );
    label = " | ";
  }
}
