import { type TensorInfo, util } from "@tensorflow/tfjs-core";
import type { PixelLossOptions } from "../ops/pixel_loss_types.js";
import type { WasmHeap } from "./heap.js";
import type { WasmKernel } from "./override.js";
import type { KernelTask } from "./threads/pool.js";
import { splitForSums, splitForThreads } from "./threads/split.js";

/** Pixels of a part at least, and parts that are added up apart at most. */
const [GRAIN, SUM_PARTS] = [1 << 14, 16];

/** Arguments of the kernels that say what counts and how. */
function settings({ kind, ignore, smooth, posWeight }: PixelLossOptions): number[] {
  const counts = [ignore === null ? 0 : 1, ignore ?? 0];
  return kind === "bce" ? [...counts, smooth, posWeight] : counts;
}

/** `GlofPixelSums`: logits and labels [P] -> four sums. */
export const pixelSums: WasmKernel = {
  name: "GlofPixelSums",
  compute: ({ heap, inputs, attrs }) => {
    const options = attrs as unknown as PixelLossOptions;
    const sums = heap.output([4], "float32");
    const parts = splitForSums(util.sizeFromShape(inputs.logits!.shape), GRAIN, SUM_PARTS);
    const partial = heap.scratch(32 * SUM_PARTS);
    const [x, y] = addresses(heap, [inputs.logits!, inputs.labels!]) as [number, number];
    const kernel = ({ bce: "bceSums", region: "regionSums", counts: "countSums" } as const)[options.kind];
    const given = settings(options);
    heap.run(
      parts.map(({ from, count }, i): KernelTask => {
        return [kernel, x + 4 * from, y + 4 * from, count, ...given, partial + 32 * i];
      }),
    );
    const each = new Float64Array(heap.bytes().buffer, partial, 4 * parts.length);
    const totals = [0, 0, 0, 0];
    for (const [at, value] of each.entries()) totals[at % 4]! += value;
    new Float32Array(heap.bytes().buffer, heap.address(sums), 4).set(totals);
    return sums;
  },
};

/** `GlofPixelSlopes`: logits, labels [P] and two coefficients -> the derivative by the logits. */
export const pixelSlopes: WasmKernel = {
  name: "GlofPixelSlopes",
  compute: ({ heap, inputs, attrs }) => {
    const options = attrs as unknown as PixelLossOptions;
    const { logits, labels, coefficients } = inputs as Record<string, TensorInfo>;
    const dx = heap.output(logits!.shape, "float32");
    const [x, y, to, factors] = addresses(heap, [logits!, labels!, dx, coefficients!]) as [
      number,
      number,
      number,
      number,
    ];
    const kernel = ({ bce: "bceSlopes", region: "regionSlopes", counts: "countSlopes" } as const)[
      options.kind
    ];
    const given = settings(options);
    heap.run(
      splitForThreads(util.sizeFromShape(logits!.shape), GRAIN, heap.threads).map(
        ({ from, count }): KernelTask => {
          const skip = 4 * from;
          return [kernel, x + skip, y + skip, to + skip, count, ...given, factors];
        },
      ),
    );
    return dx;
  },
};

function addresses(heap: WasmHeap, tensors: readonly TensorInfo[]): number[] {
  return tensors.map((tensor) => heap.address(tensor));
}
