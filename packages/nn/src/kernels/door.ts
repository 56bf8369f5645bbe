import * as tf from "@tensorflow/tfjs-core";

/**
 * Fast kernels that a backend may register under these names (with `tf.registerKernel`), and what each takes:
 * - `GlofLinear`: inputs x [M, in], w [in, out], b? [out]; attrs activation "none" | "gelu"; gives [M, out]
 * - `GlofLayerNorm`: inputs x [M, D], gamma [D], beta [D]; attrs epsilon; gives [M, D]
 * - `GlofGelu`: inputs x of any shape; gives the same shape
 * - `GlofAttention`: inputs q, k, v [B, T, d]; attrs scale; gives [B, T, d]
 * - `Conv2DBackpropFilter`: tfjs's own name and arguments
 */
export type FastKernelName =
  | "GlofLinear"
  | "GlofLayerNorm"
  | "GlofGelu"
  | "GlofAttention"
  | "Conv2DBackpropFilter";

/** A registered kernel, ready to call. */
export type FastKernel = (
  inputs: Readonly<Record<string, tf.Tensor | undefined>>,
  attributes?: Readonly<Record<string, unknown>>,
) => tf.Tensor;

let referenceDepth = 0;

/** Whether `withReferenceKernels` is in force; kernels registered over tfjs's own ask it too. */
export function areReferenceKernelsForced(): boolean {
  return referenceDepth > 0;
}

/** The fast kernel of the current backend, or undefined: then the caller uses its composition of core operations. */
export function useKernel(name: FastKernelName): FastKernel | undefined {
  if (areReferenceKernelsForced()) return undefined;
  if (tf.getKernel(name, tf.getBackend()) === undefined) return undefined;
  return (inputs, attributes = {}) => {
    const given = Object.fromEntries(Object.entries(inputs).filter(([, tensor]) => tensor !== undefined));
    return tf
      .engine()
      .runKernel(name, given as tf.NamedTensorMap, attributes as tf.NamedAttrMap) as tf.Tensor;
  };
}

/**
 * Runs `fn` with every operation composed of tfjs's own kernels: the reference that fast kernels are tested against.
 * An asynchronous `fn` keeps the switch on until its promise settles, for the whole process.
 */
export function withReferenceKernels<T>(fn: () => T): T {
  referenceDepth++;
  let pending = false;
  const leave = (): void => {
    referenceDepth--;
  };
  try {
    const result = fn();
    if (result instanceof Promise) {
      pending = true;
      return result.finally(leave) as T;
    }
    return result;
  } finally {
    if (!pending) leave();
  }
}
