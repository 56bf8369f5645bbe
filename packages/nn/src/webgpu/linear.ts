import { geluOf } from "./gelu.js";
import { runStock, type WebgpuKernel } from "./kernel.js";

/** `GlofLinear`: tfjs's product with the bias in the same pass, then GELU in one more. */
export const linearKernel: WebgpuKernel = {
  name: "GlofLinear",
  compute: ({ backend, inputs, attributes }) => {
    const { x, w, b } = inputs;
    const plain = { transposeA: false, transposeB: false };
    const product =
      b === undefined
        ? runStock(backend, "BatchMatMul", asBatches({ a: x!, b: w! }), plain)
        : runStock(
            backend,
            "_FusedMatMul",
            { ...asBatches({ a: x!, b: w! }), bias: b },
            { ...plain, activation: "linear" },
          );
    const z = { ...product, shape: [x!.shape[0]!, w!.shape[1]!] };
    if (attributes.activation !== "gelu") return z;
    const y = geluOf(backend, z);
    backend.disposeData(z.dataId);
    return y;
  },
};

/** tfjs's product kernels want three axes. */
function asBatches<T extends { readonly shape: number[] }>(
  operands: Record<"a" | "b", T>,
): Record<"a" | "b", T> {
  const { a, b } = operands;
  return { a: { ...a, shape: [1, ...a.shape] }, b: { ...b, shape: [1, ...b.shape] } };
}
