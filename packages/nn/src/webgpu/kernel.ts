import * as tf from "@tensorflow/tfjs-core";
import type { ShaderBackend } from "./shader.js";

/** What a kernel is called with. */
export interface KernelCall {
  readonly backend: ShaderBackend;
  readonly inputs: Readonly<Record<string, tf.TensorInfo>>;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** One of our kernels: its registry name and what it does. Results belong to the caller. */
export interface WebgpuKernel {
  readonly name: string;
  compute(call: KernelCall): tf.TensorInfo | tf.TensorInfo[];
}

const backendName = "webgpu";

/** Registers a kernel for backend "webgpu", unless it is there. */
export function registerWebgpuKernel({ name, compute }: WebgpuKernel): void {
  if (tf.getKernel(name, backendName) !== undefined) return;
  tf.registerKernel({
    kernelName: name,
    backendName,
    kernelFunc: ({ inputs, attrs, backend }) =>
      compute({
        backend: backend as ShaderBackend,
        inputs: inputs as Record<string, tf.TensorInfo>,
        attributes: attrs ?? {},
      }),
  });
}

/** Runs one of tfjs's own kernels of the backend. */
export function runStock(
  backend: ShaderBackend,
  kernelName: string,
  inputs: Readonly<Record<string, tf.TensorInfo | undefined>>,
  attributes: Readonly<Record<string, unknown>>,
): tf.TensorInfo {
  const { kernelFunc } = tf.getKernel(kernelName, backendName);
  return kernelFunc({
    inputs: inputs as tf.NamedTensorInfoMap,
    attrs: attributes as tf.NamedAttrMap,
    backend,
  }) as tf.TensorInfo;
}
