import { findBackend } from "@tensorflow/tfjs-core";
import { adam } from "./adam.js";
import { attention, attentionGrad, multiHeadAttention, multiHeadAttentionGrad } from "./attention.js";
import { axisMap, imageMap } from "./axis_map.js";
import { moments, normalise, normaliseGrad } from "./batch_norm.js";
import { classSlopes, classSums } from "./class_loss.js";
import { conv2D, conv2DBackpropFilter, conv2DBackpropInput, fusedConv2D, glofConvolutions } from "./conv.js";
import { elementwiseKernels } from "./elementwise.js";
import { gatedSilu, gatedSiluGrad } from "./gated_silu.js";
import { equal, gather } from "./gather.js";
import { groupNorm, groupNormGrad } from "./group_norm.js";
import { heapOf, useKernelBinary } from "./heap.js";
import { compileKernels } from "./kernel_module.js";
import { lovasz } from "./lovasz.js";
import { batchMatMul, fusedMatMul } from "./matmul.js";
import { concat, identity, padV2, slice, tile, transpose } from "./move.js";
import { installKernel, type WasmKernel } from "./override.js";
import { pixelSlopes, pixelSums } from "./pixel_loss.js";
import { sortDescending } from "./radix_sort.js";
import { rowFormula } from "./row_formula.js";
import { mean, sum, unsortedSegmentSum } from "./sums.js";
import {
  gelu,
  geluGrad,
  layerNorm,
  layerNormGrad,
  linear,
  linearResidual,
  reluGrad,
  softmax,
  softmaxGrad,
} from "./transformer.js";

const kernels: readonly WasmKernel[] = [
  batchMatMul,
  fusedMatMul,
  conv2D,
  fusedConv2D,
  conv2DBackpropInput,
  conv2DBackpropFilter,
  ...glofConvolutions,
  ...elementwiseKernels,
  identity,
  slice,
  padV2,
  concat,
  tile,
  transpose,
  gather,
  equal,
  sum,
  mean,
  unsortedSegmentSum,
  linear,
  linearResidual,
  softmax,
  softmaxGrad,
  gelu,
  geluGrad,
  gatedSilu,
  gatedSiluGrad,
  adam,
  reluGrad,
  layerNorm,
  layerNormGrad,
  moments,
  normalise,
  normaliseGrad,
  groupNorm,
  groupNormGrad,
  attention,
  attentionGrad,
  multiHeadAttention,
  multiHeadAttentionGrad,
  axisMap,
  imageMap,
  sortDescending,
  lovasz,
  rowFormula,
  pixelSums,
  pixelSlopes,
  classSums,
  classSlopes,
];

/** What `installWasmKernels` did. */
export interface WasmKernelsReport {
  /** Names of the kernels in place, empty when none could be. */
  readonly installed: readonly string[];
  /** Which binary runs, or why none does. */
  readonly reason: string;
  /** Threads that the kernels run in. */
  readonly threads: number;
}

/** Options of `installWasmKernels`. */
export interface WasmKernelsOptions {
  /**
   * Use fused multiply-add where the engine has it. Default true: a third faster; results then differ between machines in
   * the last bits.
   */
  readonly relaxedSimd?: boolean;
  /**
   * Threads, the calling one among them; results do not depend on their number. More than one takes a heap that threads
   * share: see `withSharedWasmHeap`. Default 1.
   */
  readonly threads?: number;
}

/**
 * Puts our SIMD kernels before those of TensorFlow.js's "wasm" backend, for the whole process. Call it once that backend
 * is ready (`await tf.setBackend("wasm")`); calling it again changes nothing.
 *
 * The kernels work in the backend's own heap, without copies. Calls they do not cover (other dtypes, NCHW) still reach
 * the stock kernels.
 */
export async function installWasmKernels(options: WasmKernelsOptions = {}): Promise<WasmKernelsReport> {
  const { relaxedSimd = true, threads = 1 } = options;
  const backend = findBackend("wasm");
  if (!backend) return none('The backend "wasm" is not ready: await tf.setBackend("wasm") first.');
  const binary = await compileKernels(relaxedSimd);
  if (!binary) return none("This engine has no WebAssembly SIMD.");
  useKernelBinary(binary, threads);
  const heap = heapOf(backend);
  for (const kernel of kernels) installKernel(kernel);
  const variant = binary.fused ? "relaxed SIMD with fused multiply-add" : "plain SIMD";
  const count = heap.threads === 1 ? "one thread" : `${heap.threads} threads`;
  return {
    installed: kernels.map(({ name }) => name),
    reason: `SIMD kernels on tfjs's heap: ${variant}, ${count}.`,
    threads: heap.threads,
  };
}

function none(reason: string): WasmKernelsReport {
  return { installed: [], reason, threads: 1 };
}
