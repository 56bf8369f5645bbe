import { broadcast_util, type TensorInfo, util } from "@tensorflow/tfjs-core";
import { type Epilogue, planEpilogue } from "./activation.js";
import type { WasmHeap } from "./heap.js";
import type { KernelCall, WasmKernel } from "./override.js";

const noEpilogue: Epilogue = { bias: undefined, activation: 0, after: (product) => product };

/** `BatchMatMul`: [..., M, K] x [..., K, N] -> [..., M, N], either operand transposed, batch axes broadcast. */
export const batchMatMul: WasmKernel = {
  name: "BatchMatMul",
  compute: (call) => matMul(call, () => noEpilogue),
};

/**
 * `_FusedMatMul`: the same with bias and activation. The stock kernel is wrong where a bias meets a batch or a
 * transposed operand.
 */
export const fusedMatMul: WasmKernel = {
  name: "_FusedMatMul",
  compute: (call) => matMul(call, (columns) => planEpilogue(call, columns)),
};

function matMul(call: KernelCall, plan: (columns: number) => Epilogue): TensorInfo {
  const { heap, attrs, stock } = call;
  const a = call.inputs.a!;
  const b = call.inputs.b!;
  if (stock && (a.dtype !== "float32" || b.dtype !== "float32")) return stock();
  const left = operand(a, attrs.transposeA === true, "left");
  const right = operand(b, attrs.transposeB === true, "right");
  const outer = broadcast_util.assertAndGetBroadcastShape([...left.outer], [...right.outer]);
  const epilogue = plan(right.size);
  const out = heap.output([...outer, left.size, right.size], "float32");
  multiply(heap, out, left, right, outer, epilogue);
  return epilogue.after(out);
}

/** One factor: its matrices' extent outside the contraction, their depth, and the strides of both axes. */
interface Operand {
  readonly tensor: TensorInfo;
  readonly outer: readonly number[];
  readonly size: number;
  readonly depth: number;
  readonly sizeStride: number;
  readonly depthStride: number;
}

function operand(tensor: TensorInfo, transposed: boolean, side: "left" | "right"): Operand {
  const rows = tensor.shape.at(-2)!;
  const columns = tensor.shape.at(-1)!;
  // The contraction runs over the columns of a left factor and over the rows of a right one.
  const alongColumns = (side === "left") !== transposed;
  return {
    tensor,
    outer: tensor.shape.slice(0, -2),
    size: alongColumns ? rows : columns,
    depth: alongColumns ? columns : rows,
    sizeStride: alongColumns ? columns : 1,
    depthStride: alongColumns ? 1 : columns,
  };
}

function multiply(
  heap: WasmHeap,
  out: TensorInfo,
  left: Operand,
  right: Operand,
  outer: readonly number[],
  { bias, activation }: Pick<Epilogue, "bias" | "activation">,
): void {
  const batch = util.sizeFromShape([...outer]);
  if (batch * left.size * right.size === 0) return;
  const biasAddress = bias ? heap.address(bias) : 0;
  if (left.depth === 0) {
    const c = heap.address(out);
    heap.bytes().fill(0, c, c + 4 * batch * left.size * right.size);
    heap.kernels.finish(c, right.size, batch * left.size, right.size, biasAddress, activation);
    return;
  }
  // Rows of a batch that shares one right factor follow each other in memory: one tall product.
  const isTall = util.sizeFromShape([...right.outer]) === 1 && left.depthStride === 1;
  const rows = isTall ? batch * left.size : left.size;
  const scratch = heap.scratch(heap.kernels.gemmScratchBytes(right.size));
  const a = heap.address(left.tensor);
  const b = heap.address(right.tensor);
  const c = heap.address(out);
  const aBlocks = isTall ? [0] : blockIndices(left.outer, outer);
  const bBlocks = isTall ? [0] : blockIndices(right.outer, outer);
  for (let i = 0; i < aBlocks.length; i++) {
    heap.kernels.gemm(
      rows,
      right.size,
      left.depth,
      a + 4 * aBlocks[i]! * left.size * left.depth,
      left.sizeStride,
      left.depthStride,
      b + 4 * bBlocks[i]! * right.size * right.depth,
      right.depthStride,
      right.sizeStride,
      c + 4 * i * left.size * right.size,
      right.size,
      false,
      biasAddress,
      activation,
      scratch,
    );
  }
}

/** activation(x w + b) of x [M, in], w [in, out], b [out]; `activation` is a code of `KernelExports`. */
export function multiplyFused(
  heap: WasmHeap,
  x: TensorInfo,
  w: TensorInfo,
  bias: TensorInfo | undefined,
  activation: number,
): TensorInfo {
  const left = operand(x, false, "left");
  const right = operand(w, false, "right");
  const out = heap.output([left.size, right.size], "float32");
  multiply(heap, out, left, right, [], { bias, activation });
  return out;
}

/** For each matrix of the broadcast batch `outer`, in order, the index of the operand's matrix it uses. */
export function blockIndices(own: readonly number[], outer: readonly number[]): number[] {
  let indices = [0];
  for (let axis = 0; axis < outer.length; axis++) {
    const size = own[axis - (outer.length - own.length)] ?? 1;
    const step = size === 1 ? 0 : 1;
    indices = indices.flatMap((base) =>
      Array.from({ length: outer[axis]! }, (_, i) => base * size + step * i),
    );
  }
  return indices;
}
