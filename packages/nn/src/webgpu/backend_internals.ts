import type { DataType, TensorInfo } from "@tensorflow/tfjs-core";
import type { ShaderBackend } from "./shader.js";

/** What names a buffer: reshapes and clones of a tensor share it. */
export type DataId = TensorInfo["dataId"];

/** What the backend keeps of one `DataId`. */
export interface TensorEntry {
  /** What a buffer holds, which a tensor's own dtype does not say: a cast to float32 keeps the buffer of whole numbers. */
  readonly dtype: DataType;
  readonly shape: readonly number[];
  resource?: GPUBuffer | null;
}

/**
 * What our passes need of TensorFlow.js 4.22.0's WebGPU backend. Most of it is private in its types; the pin of that version
 * guards it, and this is the only file that reaches for it.
 */
export interface BackendInternals extends ShaderBackend {
  readonly device: GPUDevice;
  readonly adapterInfo?: { readonly vendor?: string };
  readonly pipelineCache: Record<string, GPUComputePipeline>;
  readonly commandQueueOwnedIds: WeakSet<DataId>;
  readonly tensorMap: { get(dataId: DataId): TensorEntry };
  readonly bufferManager: {
    readonly freeBuffers: Map<string, GPUBuffer[]>;
    acquireBuffer(size: number, usage: number): GPUBuffer;
  };
  commandEncoder: GPUCommandEncoder | null;
  computePassEncoder: GPUComputePassEncoder | null;
  dispatchCountInPass: number;
  runWebGPUProgram(program: unknown, inputs: readonly TensorInfo[], ...rest: unknown[]): TensorInfo;
  makeTensorInfo(shape: number[], dtype: "float32" | "int32", values?: Float32Array): TensorInfo;
  uploadToGPU(dataId: DataId): void;
  tensorToBinding(tensor: TensorInfo): GPUBindingResource;
  makeUniforms(uniforms: { type: "int32" | "float32"; data: number[] }[]): GPUBindingResource;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
  read(dataId: DataId): Promise<unknown>;
  readSync(dataId: DataId): unknown;
  readToGPU(dataId: DataId, options?: unknown): unknown;
}

/** The backend with what its types hide. */
export function internalsOf(backend: ShaderBackend): BackendInternals {
  return backend as BackendInternals;
}
