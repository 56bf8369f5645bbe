import type { ParamSpec } from "@glof/nn";
import type * as tf from "@tensorflow/tfjs-core";
import type { Work } from "./serve.js";
import { settleWebgpu } from "./tf_tools.js";

/**
 * Makes Dawn's null backend `navigator.gpu`: it compiles shaders and takes commands as for a graphics card, and runs none.
 * What a process then takes is what it costs to drive a card, without the driver's own share.
 */
export async function defineNullGpu(): Promise<void> {
  const { create, globals } = await import("webgpu");
  Object.assign(globalThis, globals);
  if (globalThis.navigator === undefined) {
    Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
  }
  const gpu = create(["backend=null", "enable-dawn-features=allow_unsafe_apis"]);
  Object.defineProperty(globalThis.navigator, "gpu", { value: gpu, configurable: true });
}

/** In memory linear weights are [in, out] and convolutions HWIO. */
export function memoryShape({ shape, layout }: ParamSpec): number[] {
  const [first, second, ...rest] = shape as [number, number, ...number[]];
  if (layout === "linear") return [second, first];
  return layout === "conv2d" ? [...rest, second, first] : [...shape];
}

/** What a run hands to the GPU. */
export interface Handed {
  readonly dispatches: number;
  readonly submissions: number;
}

/** Counts what `work` hands to the GPU. Only while it runs is anything between it and WebGPU. */
export async function countHanded(work: () => void | Promise<void>): Promise<Handed> {
  const [passes, queues] = [GPUComputePassEncoder.prototype, GPUQueue.prototype];
  const { dispatchWorkgroups } = passes;
  const { submit } = queues;
  let [dispatches, submissions] = [0, 0];
  passes.dispatchWorkgroups = function (this: GPUComputePassEncoder, ...groups) {
    dispatches++;
    return dispatchWorkgroups.apply(this, groups);
  };
  queues.submit = function (this: GPUQueue, buffers) {
    submissions++;
    return submit.call(this, buffers);
  };
  try {
    await work();
  } finally {
    passes.dispatchWorkgroups = dispatchWorkgroups;
    queues.submit = submit;
  }
  return { dispatches, submissions };
}

/**
 * The work, with what one run of it hands to the GPU. The process ends with it, and so do its tensors.
 *
 * @param warmUps runs before: V8 compiles what it has seen some fifty times, in a training step sooner
 */
export async function hostWork(
  engine: typeof tf,
  run: () => void | Promise<void>,
  warmUps = 60,
): Promise<Work> {
  const whole = async (): Promise<void> => {
    await run();
    await settleWebgpu(engine);
  };
  const { device } = engine.backend() as unknown as { device: GPUDevice };
  device.pushErrorScope("out-of-memory");
  device.pushErrorScope("validation");
  // The first run compiles the shaders; V8 compiles what it has seen often enough in the some fifty after it, on threads of its own.
  for (let run = 0; run < warmUps; run++) await whole();
  const handed = await countHanded(whole);
  for (const error of [await device.popErrorScope(), await device.popErrorScope()]) {
    if (error) throw new Error(`the null backend refuses: ${error.message.slice(0, 120)}`);
  }
  return { run, facts: () => ({ ...handed }), dispose: () => undefined };
}
