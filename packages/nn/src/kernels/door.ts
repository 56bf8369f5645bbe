import * as tf from "@tensorflow/tfjs-core";

/**
 * Fast kernels that a backend may register under these names (with `tf.registerKernel`), and what each takes:
 * - `GlofLinear`: inputs x [M, in], w [in, out], b? [out]; attrs activation "none" | "gelu" | "relu"; gives [M, out]
 * - `GlofLinearResidual`: inputs x, w, b? as above, gamma? [out], residual [M, out]; gives residual + gamma * (x w + b)
 * - `GlofSwiglu`: inputs x [M, in], w [in, 2 D], b? [2 D]; gives silu(left half of x w + b) * right half, [M, D]
 * - `GlofLayerNorm`: inputs x [M, D], gamma [D], beta [D]; attrs epsilon; gives [M, D]
 * - `GlofGroupNorm`: inputs x [N, H, W, C], gamma [C], beta [C]; attrs groups, epsilon, activation "none" | "relu";
 *   gives [N, H, W, C]
 * - `GlofNormalise`: inputs x [M, C], mean, variance, gamma, beta [C]; attrs epsilon, activation "none" | "relu"; gives
 *   (x - mean) / sqrt(variance + epsilon) * gamma + beta, [M, C]
 * - `GlofSoftmax`: inputs x [M, D]; softmax of each row
 * - `GlofGelu`: inputs x of any shape; gives the same shape
 * - `GlofGatedSilu`: inputs both [M, 2 D]; gives silu(left half) * right half, [M, D]
 * - `GlofColumnSums`: inputs x [M, D], factor? [M, D]; gives the sums over rows of x * factor, [D]
 * - `GlofAttention`: inputs q, k, v [B, T, d]; attrs scale; gives [B, T, d]
 * - `GlofMultiHeadAttention`: inputs qkv [N, T, 3D]; attrs heads, scale; gives [N, T, D]
 * - `GlofConv2D`: inputs x NHWC, filter HWIO, bias? [O]; attrs strides, pad (tfjs's explicit form), dilations,
 *   activation "linear" | "relu"; gives NHWC
 * - `GlofConvNorm`: inputs also mean, variance, weight, shift [O], attrs also epsilon: a batch norm before the activation
 * - `GlofConv2DInputGradient`: inputs dy, filter; attrs as above and inputShape; gives dx
 * - `GlofConv2DFilterGradient`: inputs x, dy; attrs as above and filterShape; gives the filter's gradient
 * - `GlofAxisMap`: inputs x; attrs values (matrix [outSize, inSize], a Float32Array), outSize, inSize, axis, adjoint; gives
 *   x with that axis multiplied by the matrix or its transpose
 * - `GlofImageMap`: inputs x [N, H, W, C]; attrs rows and cols (matrices as above, with values, outSize, inSize), adjoint; gives x
 *   with both axes multiplied
 * - `GlofMaxPool`: inputs x [N, H, W, C]; attrs kernel, stride, padding, outSize (pairs); gives the largest of each window, [N,
 *   outSize, C]
 * - `GlofPixelSums`: inputs logits, labels of one shape; attrs the `PixelLossOptions`; gives four sums [4] over the pixels that
 *   count: of cross-entropies and of ones (two are 0), or of probabilities, of their distances from the labels, of labels and
 *   of ones; or soft counts of true positives, false positives, false negatives and true negatives
 * - `GlofPixelSlopes`: inputs and attrs as above, and coefficients [2]; gives the derivative by the logits: coefficients[0] times
 *   that of the cross-entropy, or coefficients[0] r + coefficients[1] times that of the probability, r being 1 below the label, 0 above
 *   it and 1/2 on it; or coefficients[0] label + coefficients[1] times that of the probability
 * - `GlofClassSums`: inputs logits [P, K], labels [P] or [P, K], weights? [K]; attrs the `ClassLossOptions`; gives sums over
 *   the pixels that count, [3, K]: of probabilities, of their distances from the targets, of targets; or of focal losses, of focal
 *   factors, of ones; or, in the first class, of cross-entropies and of the weights of the true classes
 * - `GlofClassSlopes`: inputs and attrs as above, and coefficients [2, K]; gives the derivative by the logits, [P, K]: per class,
 *   coefficients[0] r + coefficients[1] times that of the probability, r as above; or coefficients[0] times that of the focal
 *   loss and coefficients[1] times that of the factor; or the first coefficient times that of the cross-entropy
 * - `GlofJoin`: inputs of any names and shapes, in order; gives their numbers one after the other, flat
 * - `GlofSquareSums`: inputs of any names and shapes, seven at most; gives numbers [K] that add up to the sum of their squares
 *
 * `compact`, an attribute of linear, swiglu, layer norm and multi-head attention: the result may be kept in half precision.
 */
export type FastKernelName =
  | "GlofLinear"
  | "GlofLinearResidual"
  | "GlofSwiglu"
  | "GlofLayerNorm"
  | "GlofGroupNorm"
  | "GlofNormalise"
  | "GlofSoftmax"
  | "GlofGelu"
  | "GlofGatedSilu"
  | "GlofColumnSums"
  | "GlofAttention"
  | "GlofMultiHeadAttention"
  | "GlofConv2D"
  | "GlofConvNorm"
  | "GlofConv2DInputGradient"
  | "GlofConv2DFilterGradient"
  | "GlofAxisMap"
  | "GlofImageMap"
  | "GlofMaxPool"
  | "GlofPixelSums"
  | "GlofPixelSlopes"
  | "GlofClassSums"
  | "GlofClassSlopes"
  | "GlofJoin"
  | "GlofSquareSums";

/**
 * Kernels of several results. Gradients of the above have one per input, in order:
 * - `GlofGeluGrad`, `GlofReluGrad`: inputs x, dy; gives dx
 * - `GlofGatedSiluGrad`: inputs both [M, 2 D], dy [M, D]; gives dboth
 * - `GlofSoftmaxGrad`: inputs y (the result) and dy, both [M, D]; gives dx
 * - `GlofLayerNormGrad`: inputs x [M, D], gamma, dy; attrs epsilon; gives dx, dgamma, dbeta
 * - `GlofGroupNormGrad`: inputs x [N, H, W, C], gamma, beta, dy; attrs groups, epsilon, activation; gives dx, dgamma, dbeta
 * - `GlofMoments`: inputs x [M, C], runningMean, runningVar [C]; attrs momentum; gives mean and biased variance, and the next running
 *   mean and variance, all [C]
 * - `GlofMaxPoolGrad`: inputs x, y (the result), dy; attrs of `GlofMaxPool`; gives dx
 * - `GlofNormaliseGrad`: inputs of `GlofNormalise` and dy; its attrs and fixed, whether mean and variance are given numbers, not
 *   x's own; gives dx, dgamma, dbeta
 * - `GlofAttentionGrad`: inputs q, k, v, dy; attrs scale; gives dq, dk, dv
 * - `GlofMultiHeadAttentionGrad`: inputs qkv, dy; attrs heads, scale; gives dqkv
 * - `GlofAdam`: inputs param, grad, mean?, square?; attrs the `AdamNumbers`, amsgrad left aside; gives the next param, mean and
 *   square
 * - `GlofSplit`: inputs joint, flat; attrs shapes; gives tensors of these shapes, which `GlofJoin` would make into it
 * - `GlofSortDescending`: inputs x [R, P]; gives values [R, P] and indices [R, P] (int32), see `sortDescending`
 * - `GlofRowFormula`: inputs rows [R, K]; attrs formula (a `RowFormula`); gives its first result, a scalar, and the others [S, K]
 * - `GlofLovasz`: inputs scores, labels [R, P]; attrs the `LovaszOptions`; gives value [R] and derivative [R, P]
 */
export type FastGradientName =
  | "GlofGeluGrad"
  | "GlofReluGrad"
  | "GlofGatedSiluGrad"
  | "GlofSoftmaxGrad"
  | "GlofLayerNormGrad"
  | "GlofGroupNormGrad"
  | "GlofMoments"
  | "GlofMaxPoolGrad"
  | "GlofNormaliseGrad"
  | "GlofAttentionGrad"
  | "GlofMultiHeadAttentionGrad"
  | "GlofAdam"
  | "GlofSplit"
  | "GlofSortDescending"
  | "GlofRowFormula"
  | "GlofLovasz";

/** A registered kernel, ready to call. */
export type FastKernel<Result = tf.Tensor> = (
  inputs: Readonly<Record<string, tf.Tensor | undefined>>,
  attributes?: Readonly<Record<string, unknown>>,
) => Result;

let referenceDepth = 0;

/** Whether `withReferenceKernels` is in force; kernels registered over tfjs's own ask it too. */
export function areReferenceKernelsForced(): boolean {
  return referenceDepth > 0;
}

/** The fast kernel of the current backend, or undefined: then the caller uses its composition of core operations. */
export function useKernel(name: FastKernelName): FastKernel | undefined {
  return findKernel<tf.Tensor>(name);
}

/** The fast gradient of the current backend, or undefined; it gives a list, also of one. */
export function useGradientKernel(name: FastGradientName): FastKernel<tf.Tensor[]> | undefined {
  const kernel = findKernel<tf.Tensor | tf.Tensor[]>(name);
  return kernel && ((inputs, attributes) => [kernel(inputs, attributes)].flat());
}

function findKernel<Result extends tf.Tensor | tf.Tensor[]>(name: string): FastKernel<Result> | undefined {
  if (areReferenceKernelsForced()) return undefined;
  if (tf.getKernel(name, tf.getBackend()) === undefined) return undefined;
  return (inputs, attributes = {}) => {
    const given = Object.fromEntries(Object.entries(inputs).filter(([, tensor]) => tensor !== undefined));
    return tf.engine().runKernel(name, given as tf.NamedTensorMap, attributes as tf.NamedAttrMap) as Result;
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
