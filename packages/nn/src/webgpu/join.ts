import { env, type TensorInfo } from "@tensorflow/tfjs-core";
import { asFloats } from "./as_floats.js";
import { type BackendInternals, internalsOf } from "./backend_internals.js";
import { compileOnly } from "./compute_pass.js";
import type { KernelCall, WebgpuKernel } from "./kernel.js";

/**
 * Many tensors one after the other in one buffer, and back: copies in tfjs's command stream, without a dispatch.
 *
 * Arithmetic: none; 8 bytes a number each way. A copy is recorded in a few microseconds, where a dispatch whose numbers change
 * from call to call takes about 90 with its bind group.
 */

const numbersOf = ({ shape }: TensorInfo): number => shape.reduce((product, size) => product * size, 1);

function join({ backend: shaderBackend, inputs }: KernelCall): TensorInfo {
  const backend = internalsOf(shaderBackend);
  const tensors = Object.values(inputs);
  const floats = tensors.map((tensor) => asFloats(backend, tensor));
  const total = tensors.reduce((sum, tensor) => sum + numbersOf(tensor), 0);
  const joint = backend.makeTensorInfo([total], "float32");
  copy(backend, joint, floats, "in");
  for (const [at, { dataId }] of floats.entries()) {
    if (dataId !== tensors[at]!.dataId) backend.disposeData(dataId);
  }
  return joint;
}

function split({ backend: shaderBackend, inputs, attributes }: KernelCall): TensorInfo[] {
  const backend = internalsOf(shaderBackend);
  const shapes = attributes.shapes as readonly (readonly number[])[];
  const tensors = shapes.map((shape) => backend.makeTensorInfo([...shape], "float32"));
  const joint = asFloats(backend, inputs.joint!);
  copy(backend, joint, tensors, "out");
  if (joint !== inputs.joint) backend.disposeData(joint.dataId);
  return tensors;
}

/** Copies parts into a joint buffer, or out of it, in the order in which they lie there. */
function copy(
  backend: BackendInternals,
  joint: TensorInfo,
  parts: readonly TensorInfo[],
  direction: "in" | "out",
): void {
  if (env().getBool(compileOnly)) return;
  // An upload may end the pass and use the encoder: all of them come first.
  for (const { dataId } of [joint, ...parts]) {
    backend.uploadToGPU(dataId);
    backend.commandQueueOwnedIds.add(dataId);
  }
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  const bufferOf = ({ dataId }: TensorInfo): GPUBuffer => backend.tensorMap.get(dataId).resource!;
  const whole = bufferOf(joint);
  let at = 0;
  for (const part of parts) {
    const bytes = 4 * numbersOf(part);
    if (direction === "in") backend.commandEncoder!.copyBufferToBuffer(bufferOf(part), 0, whole, at, bytes);
    else backend.commandEncoder!.copyBufferToBuffer(whole, at, bufferOf(part), 0, bytes);
    at += bytes;
  }
}

/** `GlofJoin` and `GlofSplit`: tensors to one flat tensor, and a flat tensor to tensors of `shapes`. */
export const joinKernels: readonly WebgpuKernel[] = [
  { name: "GlofJoin", compute: join },
  { name: "GlofSplit", compute: split },
];
