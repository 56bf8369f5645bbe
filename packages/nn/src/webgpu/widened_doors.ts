import type { TensorInfo } from "@tensorflow/tfjs-core";
import { asFloats } from "./as_floats.js";
import { type BackendInternals, type DataId, internalsOf } from "./backend_internals.js";
import { holdsHalves } from "./half_storage.js";
import type { ShaderBackend } from "./shader.js";

const guarded = new WeakSet<BackendInternals>();

/**
 * Puts widening before the doors through which everyone else gets at the numbers of a buffer: TensorFlow.js's own shaders and
 * its reads. To be called once a backend may have buffers of halves; calling it again changes nothing.
 */
export function widenForOthers(shaderBackend: ShaderBackend): void {
  const backend = internalsOf(shaderBackend);
  if (guarded.has(backend)) return;
  guarded.add(backend);
  const { runWebGPUProgram, read, readSync, readToGPU } = backend;
  backend.runWebGPUProgram = (program, inputs, ...rest) =>
    withFloats(backend, inputs, (floats) => runWebGPUProgram.call(backend, program, floats, ...rest));
  backend.readSync = (dataId) => withFloatsOf(backend, dataId, (floats) => readSync.call(backend, floats));
  backend.readToGPU = (dataId, options) =>
    withFloatsOf(backend, dataId, (floats) => readToGPU.call(backend, floats, options));
  backend.read = async (dataId) => {
    const tensor = tensorOf(backend, dataId);
    if (!holdsHalves(backend, tensor)) return read.call(backend, dataId);
    // Until the numbers are there: the stock read keeps them with the tensor it was given.
    const floats = asFloats(backend, tensor);
    return read.call(backend, floats.dataId).finally(() => backend.disposeData(floats.dataId));
  };
}

function tensorOf(backend: BackendInternals, dataId: DataId): TensorInfo {
  return { dataId, shape: [...backend.tensorMap.get(dataId).shape], dtype: "float32" };
}

function withFloatsOf<Result>(
  backend: BackendInternals,
  dataId: DataId,
  work: (floats: DataId) => Result,
): Result {
  return withFloats(backend, [tensorOf(backend, dataId)], ([floats]) => work(floats!.dataId));
}

/** Runs work on the tensors, each of them that holds halves widened for as long as it takes. */
function withFloats<Result>(
  backend: BackendInternals,
  tensors: readonly TensorInfo[],
  work: (floats: readonly TensorInfo[]) => Result,
): Result {
  const widened = new Map<DataId, TensorInfo>();
  for (const tensor of tensors) {
    if (!widened.has(tensor.dataId) && holdsHalves(backend, tensor)) {
      widened.set(tensor.dataId, asFloats(backend, tensor));
    }
  }
  if (widened.size === 0) return work(tensors);
  try {
    return work(
      tensors.map((tensor) => ({ ...tensor, dataId: widened.get(tensor.dataId)?.dataId ?? tensor.dataId })),
    );
  } finally {
    for (const { dataId } of widened.values()) backend.disposeData(dataId);
  }
}
