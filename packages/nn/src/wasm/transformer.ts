import { type TensorInfo, util } from "@tensorflow/tfjs-core";
import type { WasmHeap } from "./heap.js";
import { multiplyFused } from "./matmul.js";
import type { WasmKernel } from "./override.js";
import type { KernelName, KernelTask } from "./threads/pool.js";
import { type Range, splitForSums, splitForThreads } from "./threads/split.js";

const activations: Readonly<Record<string, number>> = { none: 0, relu: 1, gelu: 3 };

/** `GlofLinear`: x [M, in], w [in, out], b? [out] -> activation(x w + b) [M, out]. */
export const linear: WasmKernel = {
  name: "GlofLinear",
  compute: ({ heap, inputs, attrs }) => {
    const activation = activations[attrs.activation as string] ?? 0;
    return multiplyFused(heap, inputs.x!, inputs.w!, { bias: inputs.b, activation });
  },
};

/** `GlofLinearResidual`: x [M, in], w [in, out], b? and gamma? [out], residual [M, out] -> residual + gamma (x w + b). */
export const linearResidual: WasmKernel = {
  name: "GlofLinearResidual",
  compute: ({ heap, inputs }) => {
    const { x, w, b, gamma, residual } = inputs;
    return multiplyFused(heap, x!, w!, { bias: b, gamma, residual });
  },
};

/** Floats per task of an element-wise kernel: some ten microseconds of work. */
const ELEMENT_GRAIN = 1 << 14;

/** Tasks of a kernel that takes addresses of floats and a count. */
function elementwise(heap: WasmHeap, name: KernelName, tensors: readonly TensorInfo[]): KernelTask[] {
  const addresses = tensors.map((tensor) => heap.address(tensor));
  return splitForThreads(util.sizeFromShape(tensors[0]!.shape), ELEMENT_GRAIN, heap.threads).map(
    ({ from, count }): KernelTask => [name, ...addresses.map((address) => address + 4 * from), count],
  );
}

function elementwiseGradient(name: KernelName): WasmKernel["compute"] {
  return ({ heap, inputs }) => {
    const dx = heap.output(inputs.x!.shape, "float32");
    heap.run(elementwise(heap, name, [inputs.x!, inputs.dy!, dx]));
    return dx;
  };
}

/** `GlofGelu`: exact GELU of any shape. */
export const gelu: WasmKernel = {
  name: "GlofGelu",
  compute: ({ heap, inputs }) => {
    const y = heap.output(inputs.x!.shape, "float32");
    heap.run(elementwise(heap, "gelu", [inputs.x!, y]));
    return y;
  },
};

/** `GlofGeluGrad`: x, dy -> dx. */
export const geluGrad: WasmKernel = { name: "GlofGeluGrad", compute: elementwiseGradient("geluGrad") };

/** `GlofReluGrad`: x, dy -> dx. */
export const reluGrad: WasmKernel = { name: "GlofReluGrad", compute: elementwiseGradient("reluGrad") };

/** Ranges of the rows of `x`, about `ELEMENT_GRAIN` floats or more each. */
function rowRanges(heap: WasmHeap, rows: number, width: number): Range[] {
  return splitForThreads(rows, Math.ceil(ELEMENT_GRAIN / Math.max(1, width)), heap.threads);
}

/** `GlofLayerNorm`: x [M, D], gamma [D], beta [D] -> [M, D]. */
export const layerNorm: WasmKernel = {
  name: "GlofLayerNorm",
  compute: ({ heap, inputs, attrs }) => {
    const x = inputs.x!;
    const [rows, width] = rowsOf(x);
    const y = heap.output(x.shape, "float32");
    const [from, gamma, beta, to] = [x, inputs.gamma!, inputs.beta!, y].map((one) => heap.address(one));
    const tasks = rowRanges(heap, rows, width).map((range): KernelTask => {
      const skip = 4 * range.from * width;
      return [
        "layerNorm",
        from! + skip,
        gamma!,
        beta!,
        to! + skip,
        range.count,
        width,
        attrs.epsilon as number,
      ];
    });
    heap.run(tasks);
    return y;
  },
};

/** Parts of the rows that are summed apart in the gradients of gamma and beta. */
const SUM_PARTS = 16;

/** `GlofLayerNormGrad`: x [M, D], gamma [D], dy [M, D] -> dx [M, D], dgamma [D], dbeta [D]. */
export const layerNormGrad: WasmKernel = {
  name: "GlofLayerNormGrad",
  compute: ({ heap, inputs, attrs }) => {
    const x = inputs.x!;
    const [rows, width] = rowsOf(x);
    const dx = heap.output(x.shape, "float32");
    const dGamma = heap.output([width], "float32");
    const dBeta = heap.output([width], "float32");
    const parts = splitForSums(rows, Math.ceil(ELEMENT_GRAIN / Math.max(1, width)), SUM_PARTS);
    // One row of sums for each part and gradient, and room for `sumRows`.
    const gammas = heap.scratch(4 * width * (2 * parts.length + 1));
    const betas = gammas + 4 * width * parts.length;
    const [from, gamma, dy, to] = [x, inputs.gamma!, inputs.dy!, dx].map((one) => heap.address(one));
    const tasks = parts.map((part, i): KernelTask => {
      const skip = 4 * part.from * width;
      const sums = 4 * i * width;
      return [
        "layerNormGrad",
        from! + skip,
        gamma!,
        dy! + skip,
        to! + skip,
        gammas + sums,
        betas + sums,
        part.count,
        width,
        attrs.epsilon as number,
      ];
    });
    heap.run(tasks);
    const partial = betas + 4 * width * parts.length;
    heap.kernels.sumRows(gammas, parts.length, width, heap.address(dGamma), partial);
    heap.kernels.sumRows(betas, parts.length, width, heap.address(dBeta), partial);
    return [dx, dGamma, dBeta];
  },
};

/** `GlofSoftmax`: x [M, D] -> softmax of each row. */
export const softmax: WasmKernel = {
  name: "GlofSoftmax",
  compute: ({ heap, inputs }) => {
    const x = inputs.x!;
    const [rows, width] = rowsOf(x);
    const y = heap.output(x.shape, "float32");
    const [from, to] = [heap.address(x), heap.address(y)];
    const tasks = rowRanges(heap, rows, width).map((range): KernelTask => {
      const skip = 4 * range.from * width;
      return ["softmax", from + skip, to + skip, range.count, width];
    });
    heap.run(tasks, { scratchBytes: heap.kernels.softmaxScratchBytes(width) });
    return y;
  },
};

/** `GlofSoftmaxGrad`: y (the result) and dy, both [M, D] -> dx. */
export const softmaxGrad: WasmKernel = {
  name: "GlofSoftmaxGrad",
  compute: ({ heap, inputs }) => {
    const y = inputs.y!;
    const [rows, width] = rowsOf(y);
    const dx = heap.output(y.shape, "float32");
    const [from, dy, to] = [y, inputs.dy!, dx].map((one) => heap.address(one));
    const tasks = rowRanges(heap, rows, width).map((range): KernelTask => {
      const skip = 4 * range.from * width;
      return ["softmaxGrad", from! + skip, dy! + skip, to! + skip, range.count, width];
    });
    heap.run(tasks);
    return dx;
  },
};

function rowsOf(x: TensorInfo): [rows: number, width: number] {
  const width = x.shape.at(-1) ?? 1;
  return [width === 0 ? 0 : util.sizeFromShape(x.shape) / width, width];
}
