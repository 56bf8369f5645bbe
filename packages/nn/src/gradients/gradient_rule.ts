import * as tf from "@tensorflow/tfjs-core";

/** Attributes of a tfjs kernel call. */
export type Attributes = Readonly<Record<string, unknown>>;

/** The gradient of one tfjs kernel, written over the tensors it saved. */
export interface GradientRule {
  readonly kernelName: string;
  /** Inputs to keep for the backward pass, handed to `gradient` first, in this order. */
  readonly saveInputs?: readonly string[];
  /** Keep the result too; it is handed over after the inputs. */
  readonly saveOutput?: boolean;
  /** Gradients by input name, each computed when asked for. */
  gradient(
    dy: tf.Tensor,
    saved: readonly tf.Tensor[],
    attributes: Attributes,
  ): Record<string, () => tf.Tensor>;
}

/** Registers a rule with tfjs, unless someone has registered one for that kernel. */
export function registerRule(rule: GradientRule): void {
  if (tf.getGradient(rule.kernelName) !== undefined) return;
  tf.registerGradient({
    kernelName: rule.kernelName,
    inputsToSave: [...(rule.saveInputs ?? [])],
    outputsToSave: [rule.saveOutput === true],
    gradFunc: (dy, saved, attributes) => rule.gradient(dy as tf.Tensor, saved, attributes),
  });
}

/** Sums a gradient over the axes along which `shape` was broadcast: the adjoint of broadcasting. */
export function sumToShape(gradient: tf.Tensor, shape: readonly number[]): tf.Tensor {
  if (tf.util.arraysEqual(gradient.shape, shape as number[])) return gradient;
  const lead = gradient.rank - shape.length;
  const axes = gradient.shape
    .map((_, axis) => axis)
    .filter((axis) => axis < lead || shape[axis - lead] === 1);
  const summed = axes.length === 0 ? gradient : tf.sum(gradient, axes);
  return tf.reshape(summed, [...shape]);
}
