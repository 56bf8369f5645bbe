import * as tf from "@tensorflow/tfjs-core";

/** Counts what reaches the GPU while `work` runs and its result is read. */
export async function countDispatches(work: () => tf.Tensor): Promise<number> {
  const passes = GPUComputePassEncoder.prototype;
  const original = passes.dispatchWorkgroups;
  let count = 0;
  passes.dispatchWorkgroups = function (this: GPUComputePassEncoder, ...groups) {
    count++;
    original.apply(this, groups);
  };
  try {
    const result = work();
    await result.data();
    result.dispose();
    return count;
  } finally {
    passes.dispatchWorkgroups = original;
  }
}

/** Labels of the shaders that were compiled, in order. */
export interface CompiledShaders {
  /** Side by side, before they are needed. */
  readonly ahead: readonly string[];
  /** When they were needed: the pass waited for them. */
  readonly late: readonly string[];
}

type CompilingDevice = Pick<GPUDevice, "createComputePipeline" | "createComputePipelineAsync">;

/** What the current backend, a WebGPU one, compiles during `work`. */
export async function compiledDuring(work: () => Promise<unknown>): Promise<CompiledShaders> {
  const { device } = tf.backend() as unknown as { device: CompilingDevice };
  const { createComputePipeline: create, createComputePipelineAsync: createAsync } = device;
  const [ahead, late]: [string[], string[]] = [[], []];
  device.createComputePipeline = (descriptor) => {
    late.push(String(descriptor.label));
    return create.call(device, descriptor);
  };
  device.createComputePipelineAsync = (descriptor) => {
    ahead.push(String(descriptor.label));
    return createAsync.call(device, descriptor);
  };
  try {
    await work();
    return { ahead, late };
  } finally {
    Object.assign(device, { createComputePipeline: create, createComputePipelineAsync: createAsync });
  }
}
