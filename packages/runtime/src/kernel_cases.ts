import {
  attention,
  avgPool2d,
  batchNorm,
  conv2d,
  convBatchNorm,
  convTranspose2d,
  gatedSilu,
  gelu,
  groupNorm,
  layerNorm,
  linear,
  maxPool2d,
  multiHeadAttention,
  pixelShuffle,
  resizeBicubic,
  resizeBilinear,
  resizeNearest,
  silu,
  softmax,
  softplus,
  swiglu,
} from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";

/** Tensors of a case by name. */
export type CaseInputs = Readonly<Record<string, tf.Tensor>>;

/** One operation of `@glof/nn` on one set of shapes. */
export interface KernelCase {
  readonly name: string;
  /** Shapes of the inputs, all of which are differentiated. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly compute: (inputs: CaseInputs) => tf.Tensor;
}

type Compute = (inputs: Record<string, tf.Tensor4D>) => tf.Tensor;

/** The operations take ranks that a table cannot state; each line below holds shapes and use together. */
const row = (name: string, inputs: KernelCase["inputs"], compute: Compute): KernelCase => ({
  name,
  inputs,
  compute: compute as KernelCase["compute"],
});

const image = [2, 11, 14, 8];
const token = { gamma: [48], beta: [48] };
const normOf12 = { weight: [12], bias: [12], mean: [12], spread: [12] };
const channel = { gamma: [8], beta: [8] };

/**
 * The operations that networks spend their time in, on shapes that reach the fast kernels (multiples of four) and on
 * ragged ones that reach their edges. Larger than the thousand elements that WebGPU would hand to the processor.
 */
export const kernelCases: readonly KernelCase[] = [
  row("linear 96 x 64 x 128", { x: [2, 48, 64], w: [64, 128], b: [128] }, ({ x, w, b }) => linear(x!, w!, b)),
  row("linear 70 x 35 x 29", { x: [2, 35, 35], w: [35, 29], b: [29] }, ({ x, w, b }) => linear(x!, w!, b)),
  row("linear + gelu", { x: [2, 48, 64], w: [64, 128], b: [128] }, ({ x, w, b }) =>
    linear(x!, w!, b, { activation: "gelu" }),
  ),
  row("layerNorm", { x: [2, 40, 48], ...token }, ({ x, gamma, beta }) => layerNorm(x!, gamma!, beta!)),
  row("groupNorm", { x: image, ...channel }, ({ x, gamma, beta }) =>
    groupNorm(x!, gamma!, beta!, { groups: 4 }),
  ),
  row("groupNorm + relu", { x: image, ...channel }, ({ x, gamma, beta }) =>
    groupNorm(x!, gamma!, beta!, { groups: 2, activation: "relu" }),
  ),
  row("batchNorm, training", { x: image, weight: [8], bias: [8] }, ({ x, weight, bias }) =>
    batchNorm(
      x!,
      { weight: weight!, bias: bias!, runningMean: bias!, runningVar: weight! },
      { training: true },
    ),
  ),
  row("batchNorm + relu", { x: image, weight: [8], bias: [8] }, ({ x, weight, bias }) =>
    batchNorm(
      x!,
      { weight: weight!, bias: bias!, runningMean: bias!, runningVar: tf.square(weight!) },
      { activation: "relu" },
    ),
  ),
  row("gelu", { x: [40, 50] }, ({ x }) => gelu(x!)),
  row("silu", { x: [40, 50] }, ({ x }) => silu(x!)),
  row("softplus", { x: [40, 50] }, ({ x }) => softplus(x!)),
  row("gatedSilu", { x: [40, 50] }, ({ x }) => gatedSilu(x!)),
  row("swiglu 70 x 35 x 2 29", { x: [2, 35, 35], w: [35, 58], b: [58] }, ({ x, w, b }) => swiglu(x!, w!, b)),
  row("softmax", { x: [40, 50] }, ({ x }) => softmax(x!)),
  row("attention 50 x 32", { q: [1, 3, 50, 32], k: [1, 3, 50, 32], v: [1, 3, 50, 32] }, ({ q, k, v }) =>
    attention(q!, k!, v!),
  ),
  row("multiHeadAttention 64 x 2 x 24", { qkv: [2, 64, 144] }, ({ qkv }) =>
    multiHeadAttention(qkv as unknown as tf.Tensor3D, 2),
  ),
  row("conv2d 3x3", { x: image, w: [3, 3, 8, 12], b: [12] }, ({ x, w, b }) =>
    conv2d(x!, w!, b, { padding: 1 }),
  ),
  row("conv2d 3x3 + relu", { x: image, w: [3, 3, 8, 12], b: [12] }, ({ x, w, b }) =>
    conv2d(x!, w!, b, { padding: 1, activation: "relu" }),
  ),
  row(
    "conv2d + batchNorm + relu",
    { x: image, w: [3, 3, 8, 12], ...normOf12 },
    ({ x, w, weight, bias, mean, spread }) =>
      convBatchNorm(
        x!,
        w!,
        undefined,
        { weight: weight!, bias: bias!, runningMean: mean!, runningVar: tf.square(spread!) },
        { padding: 1, activation: "relu" },
      ),
  ),
  row("conv2d 3x3, stride 2, dilation 2", { x: image, w: [3, 3, 8, 5] }, ({ x, w }) =>
    conv2d(x!, w!, undefined, { stride: 2, dilation: 2, padding: 2 }),
  ),
  row("conv2d, 4 groups", { x: image, w: [3, 3, 2, 8] }, ({ x, w }) =>
    conv2d(x!, w!, undefined, { padding: 1, groups: 4 }),
  ),
  row("convTranspose2d 2x2, stride 2", { x: image, w: [2, 2, 6, 8], b: [6] }, ({ x, w, b }) =>
    convTranspose2d(x!, w!, b, { stride: 2 }),
  ),
  row("maxPool2d", { x: image }, ({ x }) => maxPool2d(x!, 3, { stride: 2, padding: 1 })),
  row("avgPool2d", { x: image }, ({ x }) => avgPool2d(x!, 3, { stride: 2, padding: 1 })),
  row("resizeBilinear", { x: image }, ({ x }) => resizeBilinear(x!, [23, 17])),
  row("resizeBicubic, antialias", { x: image }, ({ x }) => resizeBicubic(x!, [7, 9], { antialias: true })),
  row("resizeNearest x2", { x: image }, ({ x }) => resizeNearest(x!, [22, 28])),
  row("pixelShuffle", { x: image }, ({ x }) => pixelShuffle(x!, 2)),
];
