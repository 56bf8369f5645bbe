import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";

/** The members of TensorFlow.js 4.22.0's buffer pool that are private in its types. The pin of that version guards them. */
interface BufferPool {
  freeBuffers: Map<string, GPUBuffer[]>;
  numFreeBuffers: number;
  numBytesUsed: number;
  numBytesAllocated: number;
}

const poolOf = (backend: WebGPUBackend): BufferPool =>
  (backend as unknown as { bufferManager: BufferPool }).bufferManager;

/** Bytes of GPU buffers that are released and kept for reuse. */
export function pooledBytes(backend: WebGPUBackend): number {
  const { numBytesAllocated, numBytesUsed } = poolOf(backend);
  return numBytesAllocated - numBytesUsed;
}

/**
 * Frees the buffers kept for reuse. The stock pool keeps one of every size it ever saw for as long as it lives.
 *
 * @returns bytes freed
 */
export function freePooledBuffers(backend: WebGPUBackend): number {
  const pool = poolOf(backend);
  let bytes = 0;
  for (const buffers of pool.freeBuffers.values()) {
    for (const buffer of buffers) {
      bytes += buffer.size;
      buffer.destroy();
    }
    pool.numFreeBuffers -= buffers.length;
    // The empty list stays: the stock pool drops releases silently while it has no lists at all.
    buffers.length = 0;
  }
  pool.numBytesAllocated -= bytes;
  return bytes;
}
