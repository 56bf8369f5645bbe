import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelCall, WebgpuOverride } from "./kernel.js";
import { runProduct } from "./product.js";
import { withShape } from "./shader.js";

/** Numbers of the leading axes: the products that a tensor holds. */
function batchOf({ shape }: TensorInfo): number {
  return shape.slice(0, -2).reduce((product, size) => product * size, 1);
}

/** Whether our kernel has this call: real numbers, some of them, and batches that are equal or one. */
function covers({ inputs }: KernelCall): boolean {
  const [a, b] = [inputs.a!, inputs.b!];
  if (a.dtype !== "float32" || b.dtype !== "float32") return false;
  if (a.shape.includes(0) || b.shape.includes(0)) return false;
  const [ofA, ofB] = [batchOf(a), batchOf(b)];
  return ofA === 1 || ofB === 1 || String(a.shape.slice(0, -2)) === String(b.shape.slice(0, -2));
}

/** `BatchMatMul` in tfjs's meaning, before tfjs's own: any transposes, a batch of one used for all. */
export const batchMatMul: WebgpuOverride = {
  name: "BatchMatMul",
  covers,
  compute: ({ backend, inputs, attributes }) => {
    const [a, b] = [inputs.a!, inputs.b!];
    const [ofA, ofB] = [batchOf(a), batchOf(b)];
    const y = runProduct(backend, {
      a: withShape(a, [ofA, ...a.shape.slice(-2)]),
      b: withShape(b, [ofB, ...b.shape.slice(-2)]),
      transposeA: attributes.transposeA === true,
      transposeB: attributes.transposeB === true,
    });
    const rank = Math.max(a.shape.length, b.shape.length);
    const lead = (ofA >= ofB ? a : b).shape.slice(0, -2);
    const ones = Array.from({ length: rank - 2 - lead.length }, () => 1);
    return withShape(y, [...ones, ...lead, ...y.shape.slice(1)]);
  },
};
