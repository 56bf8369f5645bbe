import type * as tf from "@tensorflow/tfjs-core";
import { gelu, relu } from "../../ops/activations.js";
import { attention, multiHeadAttention } from "../../ops/attention.js";
import { conv2d, convTranspose2d } from "../../ops/conv2d.js";
import { groupNorm } from "../../ops/group_norm.js";
import { layerNorm } from "../../ops/layer_norm.js";
import { linear } from "../../ops/linear.js";
import { matMul } from "../../ops/mat_mul.js";
import { avgPool2d, maxPool2d } from "../../ops/pool.js";
import { resizeBicubic, resizeBilinear, resizeNearest } from "../../ops/resize.js";
import { softmax } from "../../ops/softmax.js";

/** Operands by name. */
export type Inputs = Record<string, tf.Tensor>;

/** An operation of nn to compare on two sets of kernels. */
export interface OperationCase {
  readonly name: string;
  readonly shapes: Record<string, number[]>;
  readonly run: (inputs: Inputs) => tf.Tensor;
}

const as4 = (x: tf.Tensor | undefined) => x as tf.Tensor4D;

/** Every operation that a WASM kernel serves, in its forms. */
export const operationCases: readonly OperationCase[] = [
  {
    name: "linear with GELU",
    shapes: { x: [2, 5, 6], w: [6, 7], b: [7] },
    run: ({ x, w, b }) => linear(x!, w!, b, { activation: "gelu" }),
  },
  {
    name: "linear without bias",
    shapes: { x: [9, 6], w: [6, 7] },
    run: ({ x, w }) => linear(x!, w!),
  },
  { name: "GELU", shapes: { x: [3, 7] }, run: ({ x }) => gelu(x!) },
  {
    name: "layerNorm",
    shapes: { x: [2, 3, 10], gamma: [10], beta: [10] },
    run: ({ x, gamma, beta }) => layerNorm(x!, gamma!, beta!),
  },
  {
    name: "groupNorm",
    shapes: { x: [2, 5, 7, 12], gamma: [12], beta: [12] },
    run: ({ x, gamma, beta }) => groupNorm(as4(x), gamma!, beta!, { groups: 4 }),
  },
  {
    name: "groupNorm, groups of one, many pixels",
    shapes: { x: [2, 20, 21, 7], gamma: [7], beta: [7] },
    run: ({ x, gamma, beta }) => groupNorm(as4(x), gamma!, beta!, { groups: 7 }),
  },
  {
    name: "resizeNearest",
    shapes: { x: [2, 3, 4, 5] },
    run: ({ x }) => resizeNearest(as4(x), [6, 12]),
  },
  {
    name: "attention",
    shapes: { q: [2, 3, 7, 4], k: [2, 3, 9, 4], v: [2, 3, 9, 4] },
    run: ({ q, k, v }) => attention(as4(q), as4(k), as4(v)),
  },
  {
    name: "multiHeadAttention",
    shapes: { x: [2, 7, 24] },
    run: ({ x }) => multiHeadAttention(x as tf.Tensor3D, 2),
  },
  {
    name: "matMul, both transposed, batch broadcast",
    shapes: { a: [2, 5, 4], b: [1, 3, 5] },
    run: ({ a, b }) => matMul(a!, b!, true, true),
  },
  { name: "ReLU", shapes: { x: [3, 7] }, run: ({ x }) => relu(x!) },
  {
    name: "resizeBilinear, larger",
    shapes: { x: [2, 5, 6, 17] },
    run: ({ x }) => resizeBilinear(as4(x), [11, 13]),
  },
  {
    name: "resizeBilinear, smaller, antialiased, one channel",
    shapes: { x: [2, 15, 16, 1] },
    run: ({ x }) => resizeBilinear(as4(x), [4, 5], { antialias: true }),
  },
  { name: "resizeBicubic", shapes: { x: [1, 5, 6, 5] }, run: ({ x }) => resizeBicubic(as4(x), [9, 4]) },
  {
    name: "avgPool2d",
    shapes: { x: [2, 7, 6, 9] },
    run: ({ x }) => avgPool2d(as4(x), 3, { stride: 2, padding: 1 }),
  },
  { name: "maxPool2d", shapes: { x: [2, 7, 6, 9] }, run: ({ x }) => maxPool2d(as4(x), 2) },
  { name: "softmax over rows", shapes: { x: [3, 5, 4] }, run: ({ x }) => softmax(x!, 0) },
  {
    name: "conv2d",
    shapes: { x: [2, 9, 8, 3], w: [3, 3, 3, 5], b: [5] },
    run: ({ x, w, b }) => conv2d(as4(x), as4(w), b, { padding: 1 }),
  },
  {
    name: "conv2d with stride and dilation",
    shapes: { x: [1, 13, 12, 3], w: [3, 2, 3, 5], b: [5] },
    run: ({ x, w, b }) => conv2d(as4(x), as4(w), b, { padding: 2, stride: 2, dilation: 2 }),
  },
  {
    name: "conv2d with dilation",
    shapes: { x: [1, 11, 12, 3], w: [3, 3, 3, 4] },
    run: ({ x, w }) => conv2d(as4(x), as4(w), undefined, { padding: 3, dilation: 3 }),
  },
  {
    name: "conv2d with groups",
    shapes: { x: [1, 7, 7, 4], w: [3, 3, 2, 6], b: [6] },
    run: ({ x, w, b }) => conv2d(as4(x), as4(w), b, { padding: 1, groups: 2 }),
  },
  {
    name: "conv2d over patches",
    shapes: { x: [2, 13, 12, 3], w: [4, 4, 3, 5], b: [5] },
    run: ({ x, w, b }) => conv2d(as4(x), as4(w), b, { stride: 4 }),
  },
  {
    name: "convTranspose2d",
    shapes: { x: [2, 5, 6, 4], w: [3, 3, 5, 4], b: [5] },
    run: ({ x, w, b }) => convTranspose2d(as4(x), as4(w), b, { stride: 2, padding: 1, outputPadding: 1 }),
  },
  {
    name: "convTranspose2d over patches",
    shapes: { x: [1, 5, 6, 4], w: [2, 2, 5, 4], b: [5] },
    run: ({ x, w, b }) => convTranspose2d(as4(x), as4(w), b, { stride: 2 }),
  },
];
