import * as tf from "@tensorflow/tfjs-core";
import { isGradientWanted } from "./backprop.js";
import { engineInternals } from "./engine_access.js";

/** An operation and its gradient. */
export interface OperationWithGradient<Name extends string, Saved extends string> {
  /**
   * Every tensor that may need a gradient, weights included: a tensor only captured by `forward` gets none.
   * Absent ones (an optional bias) may be `undefined`.
   */
  readonly inputs: Readonly<Record<Name, tf.Tensor | undefined>>;
  /** The result, and what `backward` needs. It runs in a tidy and off the tape. */
  forward(): { readonly value: tf.Tensor; readonly saved: Readonly<Record<Saved, tf.Tensor>> };
  /**
   * Gradients of the inputs from the gradient of the result. Skip the costly ones when `wants(name)` is false:
   * nobody reads them.
   */
  backward(
    outputGrad: tf.Tensor,
    saved: Readonly<Record<Saved, tf.Tensor>>,
    wants: (name: Name) => boolean,
  ): Partial<Record<Name, tf.Tensor | undefined>>;
}

/**
 * Runs an operation that brings its own gradient.
 *
 * Against `tf.customGrad`: inputs are named, gradients nobody wants are not computed, and temporaries of the backward
 * pass go at once. It works under `valueAndGrad`, `checkpoint` and tfjs's own `tf.grads`.
 */
export function withGradient<Out extends tf.Tensor, Name extends string, Saved extends string>(
  operation: OperationWithGradient<Name, Saved>,
): Out {
  const given = Object.entries<tf.Tensor | undefined>(operation.inputs).filter(
    (entry): entry is [Name, tf.Tensor] => entry[1] !== undefined,
  );
  let savedNames: Saved[] = [];
  return engineInternals().runKernelFunc({
    inputs: Object.fromEntries(given),
    forwardFunc: (_, save) => {
      const { value, saved } = operation.forward();
      savedNames = Object.keys(saved) as Saved[];
      save(savedNames.map((name) => saved[name]));
      // A result that is an input needs a handle of its own, or the tape would have a circle.
      return given.some(([, input]) => input === value) ? value.clone() : value;
    },
    backwardsFunc: (outputGrad, savedTensors) => {
      const saved = Object.fromEntries(
        savedNames.map((name, index) => [name, savedTensors[index]!]),
      ) as Record<Saved, tf.Tensor>;
      const gradients = tf.tidy(
        () => operation.backward(outputGrad, saved, isGradientWanted) as tf.NamedTensorMap,
      );
      return Object.fromEntries(
        given.map(([name, input]) => [name, () => gradients[name] ?? tf.zerosLike(input)]),
      );
    },
  }) as Out;
}
