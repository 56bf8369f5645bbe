import { GlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { engineInternals, type TapeNode } from "./engine_access.js";

let wantedInputs: ReadonlySet<string> | null = null;

/** Whether the gradient of this input of the operation being differentiated is used by anyone. */
export function isGradientWanted(inputName: string): boolean {
  return wantedInputs === null || wantedInputs.has(inputName);
}

/** Whether the gradient of an operation is being computed right now. */
export function isWalkingBack(): boolean {
  return wantedInputs !== null;
}

/** A value and its gradients; `null` where the value does not depend on the tensor. */
export interface Differentiated<T extends tf.Tensor> {
  readonly value: T;
  readonly grads: (tf.Tensor | null)[];
}

/**
 * Runs `forward` on a tape of its own and walks back from its result to `sources`.
 *
 * tfjs's own walk keeps every saved activation and every intermediate gradient until the last step; this one lets go of
 * each as soon as it is used, computes no gradient of frozen inputs, and leaves an outer tape as it was (tfjs's nested
 * `grads` clears it). It is first order: what runs here is a constant for an outer tape.
 *
 * @param outputGrad gradient of the result, same shape; default ones
 * @throws GlofError `unsupported-feature` when an operation on the way has no gradient
 */
export function differentiate<T extends tf.Tensor>(
  forward: () => T,
  sources: readonly tf.Tensor[],
  outputGrad?: tf.Tensor,
): Differentiated<T> {
  const { value, tape } = recordTape(forward, sources);
  try {
    const path = pathBetween(tape, sources, value);
    const onPath = new Set(path.map((step) => step.node));
    for (const node of tape) if (!onPath.has(node)) releaseSaved(node);
    const grads = walkBack(path, sources, value, outputGrad);
    return { value, grads };
  } finally {
    for (const node of tape) releaseSaved(node);
  }
}

function recordTape<T extends tf.Tensor>(
  forward: () => T,
  sources: readonly tf.Tensor[],
): { value: T; tape: TapeNode[] } {
  const { state } = engineInternals();
  const outer = {
    tape: state.activeTape,
    gradientDepth: state.gradientDepth,
    kernelDepth: state.kernelDepth,
  };
  const tape = tapeFrom(sources);
  state.activeTape = tape;
  state.gradientDepth = 1;
  state.kernelDepth = 0;
  try {
    return { value: tf.tidy(forward), tape };
  } catch (error) {
    for (const node of tape) releaseSaved(node);
    throw error;
  } finally {
    state.activeTape = outer.tape;
    state.gradientDepth = outer.gradientDepth;
    state.kernelDepth = outer.kernelDepth;
  }
}

/**
 * A tape that takes only steps that depend on a source. What frozen weights make of constant data is let go at once: a
 * frozen backbone inside the loss holds no activations.
 */
function tapeFrom(sources: readonly tf.Tensor[]): TapeNode[] {
  const reached = new Set(sources.map((tensor) => tensor.id));
  const tape: TapeNode[] = [];
  tape.push = (...nodes) => {
    for (const node of nodes) {
      if (Object.values(node.inputs).some((input) => reached.has(input.id))) {
        for (const output of node.outputs) if (output.dtype === "float32") reached.add(output.id);
        tape[tape.length] = node;
      } else releaseSaved(node);
    }
    return tape.length;
  };
  return tape;
}

function releaseSaved(node: TapeNode): void {
  for (const tensor of node.saved ?? []) if (!tensor.isDisposed) tensor.dispose();
}

interface Step {
  readonly node: TapeNode;
  /** Inputs that depend on a source. */
  readonly inputNames: readonly string[];
}

/** The steps that lead from the sources to the result. Integers and booleans carry no gradient: paths end there. */
function pathBetween(tape: readonly TapeNode[], sources: readonly tf.Tensor[], value: tf.Tensor): Step[] {
  const fromSources = new Set(sources.map((tensor) => tensor.id));
  const steps: Step[] = [];
  for (const node of tape) {
    const inputNames = Object.keys(node.inputs).filter((name) => fromSources.has(node.inputs[name]!.id));
    const outputs = node.outputs.filter((output) => output.dtype === "float32");
    if (inputNames.length === 0 || outputs.length === 0) continue;
    for (const output of outputs) fromSources.add(output.id);
    steps.push({ node, inputNames });
  }
  const toValue = new Set([value.id]);
  const path: Step[] = [];
  for (const step of steps.reverse()) {
    if (!step.node.outputs.some((output) => toValue.has(output.id))) continue;
    for (const name of step.inputNames) toValue.add(step.node.inputs[name]!.id);
    path.push(step);
  }
  return path;
}

/** `path` goes from the result to the sources. */
function walkBack(
  path: readonly Step[],
  sources: readonly tf.Tensor[],
  value: tf.Tensor,
  outputGrad: tf.Tensor | undefined,
): (tf.Tensor | null)[] {
  const grads = sources.map((): tf.Tensor | null => null);
  tf.tidy(() => {
    const gradients = new Map<number, tf.Tensor>();
    gradients.set(value.id, outputGrad === undefined ? tf.onesLike(value) : outputGrad.clone());
    for (const { node, inputNames } of path) {
      const outputGrads = node.outputs.map((output) => gradients.get(output.id) ?? null);
      const inputGrads = inputGradients(node, inputNames, outputGrads);
      for (const [index, name] of inputNames.entries()) {
        addGradient(gradients, node.inputs[name]!.id, inputGrads[index]!);
      }
      for (const output of node.outputs) {
        gradients.get(output.id)?.dispose();
        gradients.delete(output.id);
      }
      releaseSaved(node);
    }
    for (const [index, source] of sources.entries()) grads[index] = gradients.get(source.id) ?? null;
    return grads.filter((gradient) => gradient !== null);
  });
  return grads;
}

function addGradient(gradients: Map<number, tf.Tensor>, id: number, gradient: tf.Tensor): void {
  const sum = gradients.get(id);
  if (sum === undefined) {
    gradients.set(id, gradient);
    return;
  }
  gradients.set(id, tf.add(sum, gradient));
  sum.dispose();
  gradient.dispose();
}

function inputGradients(
  node: TapeNode,
  inputNames: readonly string[],
  outputGrads: readonly (tf.Tensor | null)[],
): tf.Tensor[] {
  const { gradient } = node;
  if (gradient === undefined) {
    throw new GlofError(
      "unsupported-feature",
      `differentiate: expected operations with a gradient, got ${node.kernelName}, which has none. ` +
        "Use an operation of @glof/nn, or give it one with withGradient.",
      { kernelName: node.kernelName },
    );
  }
  const outerWanted = wantedInputs;
  wantedInputs = new Set(inputNames);
  try {
    return tf.tidy(() => {
      const thunks = gradient(outputGrads);
      return inputNames.map((name) => {
        const inputGrad = thunks[name]!();
        checkShape(node, name, inputGrad);
        // A gradient may be the very tensor that came in, or a saved one; a handle of its own can be disposed freely.
        return inputGrad.clone();
      });
    });
  } finally {
    wantedInputs = outerWanted;
  }
}

function checkShape(node: TapeNode, name: string, inputGrad: tf.Tensor): void {
  const expected = node.inputs[name]!.shape;
  if (tf.util.arraysEqual(inputGrad.shape, expected) && inputGrad.dtype === "float32") return;
  throw new GlofError(
    "internal",
    `differentiate: expected a float32 gradient of shape [${expected}] for input ${name} of ${node.kernelName}, ` +
      `got ${inputGrad.dtype} [${inputGrad.shape}].`,
  );
}
