import type * as tf from "@tensorflow/tfjs-core";
import { fillValues, type TaskArgs } from "../protocol.js";
import type { Work } from "./serve.js";

/** A number of a task. */
export function numberOf(args: TaskArgs, name: string): number {
  const value = args[name];
  if (typeof value !== "number") throw new Error(`expected a number as ${name}, got ${String(value)}`);
  return value;
}

/** A text of a task. */
export function textOf(args: TaskArgs, name: string): string {
  const value = args[name];
  if (typeof value !== "string") throw new Error(`expected a text as ${name}, got ${String(value)}`);
  return value;
}

/** Tensors of an operation. The first is the one whose gradient is compared. */
export type Inputs = readonly tf.Tensor[];

/**
 * An operation as `Work`: forward alone, or forward and the gradients by all inputs against a fixed output gradient.
 *
 * @param engine tfjs-core of this side: a peer has an instance of its own
 * @param gradients of the inputs, for a given dy
 */
export function operationWork(
  engine: typeof tf,
  inputs: Inputs,
  forward: (...inputs: tf.Tensor[]) => tf.Tensor,
  gradients: ((dy: tf.Tensor) => tf.Tensor[]) | undefined,
): Work {
  let dy: tf.Tensor | undefined;
  if (gradients) {
    const shape = engine.tidy(() => [...forward(...inputs).shape]);
    dy = tensorOf(engine, shape, 90);
  }
  const once = (): tf.Tensor[] =>
    engine.tidy(() => (gradients ? gradients(dy!) : [forward(...inputs)])) as tf.Tensor[];
  return {
    run: () => engine.dispose(once()),
    async output() {
      const results = once();
      const values = await results[0]!.data<"float32">();
      engine.dispose(results);
      return values;
    },
    dispose: () => engine.dispose([...inputs, ...(dy ? [dy] : [])]),
  };
}

/** A tensor of the values that every side makes alike. */
export function tensorOf(engine: typeof tf, shape: readonly number[], salt: number, scale = 1): tf.Tensor {
  const length = shape.reduce((product, side) => product * side, 1);
  return engine.tensor(fillValues(length, salt, scale), [...shape]);
}

/** Image, filter, and scale, shift, mean and variance of a batch norm. */
export function normInputs(engine: typeof tf, args: TaskArgs): tf.Tensor[] {
  const [rows, kernel] = [numberOf(args, "rows"), numberOf(args, "kernel")];
  const [from, to] = [numberOf(args, "from"), numberOf(args, "to")];
  const image = tensorOf(engine, [1, rows, rows, from], 1);
  const filter = tensorOf(engine, [kernel, kernel, from, to], 2, 0.05);
  const [weight, bias, mean] = [3, 4, 5].map((salt) => tensorOf(engine, [to], salt));
  const variance = engine.tensor(
    fillValues(to, 6).map((value) => value + 1.5),
    [to],
  );
  return [image, filter, weight!, bias!, mean!, variance];
}

/** Shapes of the tensors of a transformer's blocks, linear weights as [in, out]. */
export function blockShapes(args: TaskArgs): number[][] {
  const width = numberOf(args, "width");
  const linear = (inputs: number, outputs: number) => [[inputs, outputs], [outputs]];
  const block = [
    ...[[width], [width], [width], [width], [width], [width]],
    ...linear(width, 3 * width),
    ...linear(width, width),
    ...linear(width, 4 * width),
    ...linear(4 * width, width),
  ];
  return Array.from({ length: numberOf(args, "depth") }, () => block).flat();
}

/** Settings of the step of Adam: a rate so high that a step changes a value's first digit. */
export const adamSettings = { lr: 0.1, weightDecay: 0.01, betas: [0.9, 0.999], epsilon: 1e-8 } as const;

/** Waits for a GPU: tfjs queues commands, and nothing tells when they are through but the queue itself. */
export async function settleWebgpu(engine: typeof tf): Promise<void> {
  const backend = engine.backend() as unknown as {
    endComputePassEncoder(): void;
    submitQueue(): void;
    commandEncoder: GPUCommandEncoder | null;
    device: GPUDevice;
  };
  backend.endComputePassEncoder();
  if (backend.commandEncoder) backend.submitQueue();
  await backend.device.queue.onSubmittedWorkDone();
}

/** Logits and a target of a loss's task: 0 and 1, about a third of it 1, or numbers of equally frequent classes. */
export function lossInputs(engine: typeof tf, args: TaskArgs): { logits: tf.Tensor; target: tf.Tensor } {
  const [batch, side, classes] = [numberOf(args, "batch"), numberOf(args, "side"), numberOf(args, "classes")];
  const values = fillValues(batch * side * side, 2);
  const target = values.map((value) =>
    classes === 1 ? Number(value > 0.4) : Math.min(classes - 1, Math.floor(classes * Math.abs(value))),
  );
  const shape = classes === 1 ? [batch, side, side, 1] : [batch, side, side];
  return {
    logits: tensorOf(engine, [batch, side, side, classes], 1, 3),
    target: engine.tensor(target, shape),
  };
}
