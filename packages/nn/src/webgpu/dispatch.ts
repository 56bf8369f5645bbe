import type { TensorInfo } from "@tensorflow/tfjs-core";
import { asFloats, readsAsIs } from "./as_floats.js";
import { internalsOf } from "./backend_internals.js";
import { type Dispatch, queuePass } from "./compute_pass.js";
import type { ShaderBackend } from "./shader.js";
import { widenForOthers } from "./widened_doors.js";

export type { Dispatch, ShaderInput, ShaderOutput, UniformValue } from "./compute_pass.js";

/**
 * Queues a compute pass; its results belong to the caller. Unlike tfjs's programs a shader has several results, and
 * nothing but what it names as uniforms. Inputs that the code sees as floats are floats, whatever their buffers hold.
 */
export function dispatch(backend: ShaderBackend, work: Dispatch): TensorInfo[] {
  const inputs = work.inputs.map((input) =>
    readsAsIs(input) ? input : { ...input, tensor: asFloats(backend, input.tensor) },
  );
  if (work.outputs.some(({ element }) => element === "vec2<u32>")) widenForOthers(backend);
  const outputs = queuePass(backend, { ...work, inputs });
  for (const [at, { tensor }] of inputs.entries()) {
    if (tensor !== work.inputs[at]!.tensor) backend.disposeData(tensor.dataId);
  }
  return outputs;
}

/** Whether the device is a GPU: SwiftShader, of vendor "google", runs shaders on the processor. */
export function isHardware(backend: ShaderBackend): boolean {
  return internalsOf(backend).adapterInfo?.vendor !== "google";
}

/** The device, for what it can do. */
export function deviceOf(backend: ShaderBackend): GPUDevice {
  return internalsOf(backend).device;
}

/** The largest workgroup memory of the device, bytes. */
export function workgroupBytes(backend: ShaderBackend): number {
  return deviceOf(backend).limits.maxComputeWorkgroupStorageSize;
}
