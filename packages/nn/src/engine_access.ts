import * as tf from "@tensorflow/tfjs-core";

/** One recorded operation. `gradient` maps the gradients of the outputs to one thunk per input. */
export interface TapeNode {
  readonly kernelName: string;
  readonly inputs: Readonly<Record<string, tf.Tensor>>;
  readonly outputs: readonly tf.Tensor[];
  readonly gradient?: (outputGrads: readonly (tf.Tensor | null)[]) => Record<string, () => tf.Tensor>;
  readonly saved?: readonly tf.Tensor[];
}

interface EngineState {
  activeTape: TapeNode[] | null;
  gradientDepth: number;
  kernelDepth: number;
}

/** Arguments of the engine's function behind `tf.customGrad`, which takes named inputs and lazy gradients. */
interface CustomOperation {
  readonly inputs: Readonly<Record<string, tf.Tensor>>;
  forwardFunc(backend: unknown, save: (tensors: tf.Tensor[]) => void): tf.Tensor;
  backwardsFunc(dy: tf.Tensor, saved: tf.Tensor[]): Record<string, () => tf.Tensor>;
}

interface EngineInternals {
  readonly state: EngineState;
  runKernelFunc(operation: CustomOperation): tf.Tensor;
}

/**
 * The parts of the tfjs engine that its types hide: the tape and the door to operations with their own gradient.
 * They are the reason why tfjs-core is pinned to 4.22.0; nothing outside this file names them.
 */
export function engineInternals(): EngineInternals {
  return tf.engine() as unknown as EngineInternals;
}

/** Whether operations are recorded for a gradient. */
export function isRecording(): boolean {
  return engineInternals().state.gradientDepth > 0;
}
