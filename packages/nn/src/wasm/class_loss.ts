import type { ClassLossOptions } from "../ops/class_loss_types.js";
import type { KernelCall, WasmKernel } from "./override.js";
import type { KernelTask } from "./threads/pool.js";
import { splitForSums, splitForThreads } from "./threads/split.js";

/** Logits of a part at least, and parts that are added up apart at most. */
const [GRAIN, SUM_PARTS] = [1 << 13, 16];

const kinds = { entropy: 0, region: 1, focal: 2 } as const;

interface ClassLoss {
  readonly pixels: number;
  readonly classes: number;
  readonly grain: number;
  /** Addresses of pixel `from` on. */
  places(from: number): [logits: number, labels: number];
  /** Arguments behind the sizes. */
  readonly settings: readonly number[];
}

function lossOf({ heap, inputs, attrs }: KernelCall): ClassLoss {
  const { kind, multilabel, ignore, ...numbers } = attrs as unknown as ClassLossOptions;
  const [pixels, classes] = inputs.logits!.shape as [number, number];
  const { smoothing, gamma, weightOfTrue, weightOfFalse, threshold } = numbers;
  const rise = weightOfTrue - weightOfFalse;
  const own = kind === "focal" ? [gamma, rise, weightOfFalse, threshold] : [smoothing, 0, 0, 0];
  const weights = inputs.weights === undefined ? 0 : heap.address(inputs.weights);
  const [x, y] = [heap.address(inputs.logits!), heap.address(inputs.labels!)];
  const each = multilabel ? classes : 1;
  const counts = [multilabel ? 1 : 0, ignore === null ? 0 : 1, ignore ?? 0];
  return {
    pixels,
    classes,
    grain: Math.ceil(GRAIN / classes),
    places: (from) => [x + 4 * from * classes, y + 4 * from * each],
    settings: [kinds[kind], ...counts, ...own, weights],
  };
}

/** `GlofClassSums`: logits [P, K], labels, weights? [K] -> sums [3, K]. */
export const classSums: WasmKernel = {
  name: "GlofClassSums",
  compute: (call) => {
    const { heap } = call;
    const { pixels, classes, grain, places, settings } = lossOf(call);
    const sums = heap.output([3, classes], "float32");
    const parts = splitForSums(pixels, grain, SUM_PARTS);
    const width = 3 * classes;
    const partial = heap.scratch(8 * width * SUM_PARTS);
    heap.run(
      parts.map(({ from, count }, i): KernelTask => {
        return ["classSums", ...places(from), count, classes, ...settings, partial + 8 * width * i];
      }),
      { scratchBytes: heap.kernels.classLossScratchBytes(classes) },
    );
    const each = new Float64Array(heap.bytes().buffer, partial, width * parts.length);
    const totals = new Float64Array(width);
    for (const [at, value] of each.entries()) totals[at % width]! += value;
    new Float32Array(heap.bytes().buffer, heap.address(sums), width).set(totals);
    return sums;
  },
};

/** `GlofClassSlopes`: as above and coefficients [2, K] -> the derivative by the logits. */
export const classSlopes: WasmKernel = {
  name: "GlofClassSlopes",
  compute: (call) => {
    const { heap, inputs } = call;
    const { pixels, classes, grain, places, settings } = lossOf(call);
    const dx = heap.output(inputs.logits!.shape, "float32");
    const [to, coefficients] = [heap.address(dx), heap.address(inputs.coefficients!)];
    heap.run(
      splitForThreads(pixels, grain, heap.threads).map(({ from, count }): KernelTask => {
        const [x, y] = places(from);
        const slopes = to + 4 * from * classes;
        return ["classSlopes", x, y, slopes, count, classes, ...settings, coefficients];
      }),
      { scratchBytes: heap.kernels.classLossScratchBytes(classes) },
    );
    return dx;
  },
};
