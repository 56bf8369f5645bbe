import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";

/** The members of TensorFlow.js 4.22.0's buffer pool that are private in its types. The pin of that version guards them. */
interface BufferPool {
  freeBuffers: Map<string, GPUBuffer[]>;
  numFreeBuffers: number;
  numBytesUsed: number;
  numBytesAllocated: number;
  acquireBuffer(size: number, usage: number, ...rest: unknown[]): GPUBuffer;
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

/**
 * Makes the pool hand out the free buffer that was made first, not the one that was released last.
 *
 * Which buffers are free then says which comes next, and not the order in which they came back: a step that repeats gets the
 * same buffers for the same tensors again, and so finds its bind groups (`bindings.ts` of nn). A stack hands them out in orders
 * that repeat only after thousands of training steps.
 *
 * @returns what is to be called when memory was short: a buffer that the device had no memory for comes back to the pool like any
 *   other, and nothing tells it apart. None of those made until then is handed out again.
 */
export function handOutOldestFirst(backend: WebGPUBackend): () => void {
  const pool = poolOf(backend);
  const acquire = pool.acquireBuffer.bind(pool);
  const ages = new WeakMap<GPUBuffer, number>();
  let [made, lastDoubtful] = [0, 0];
  pool.acquireBuffer = (size, usage, ...rest) => {
    const free = pool.freeBuffers.get(`${size}_${usage}`);
    if (free !== undefined && lastDoubtful > 0)
      dropFrom(pool, free, (buffer) => ages.get(buffer)! <= lastDoubtful);
    if (free !== undefined && free.length > 1) putOldestLast(free, ages);
    const buffer = acquire(size, usage, ...rest);
    if (!ages.has(buffer)) ages.set(buffer, ++made);
    return buffer;
  };
  return () => {
    lastDoubtful = made;
  };
}

function dropFrom(pool: BufferPool, free: GPUBuffer[], isToGo: (buffer: GPUBuffer) => boolean): void {
  const going = free.filter(isToGo);
  for (const buffer of going) {
    free.splice(free.indexOf(buffer), 1);
    pool.numFreeBuffers--;
    pool.numBytesAllocated -= buffer.size;
    buffer.destroy();
  }
}

/** The stock pool takes from the end. */
function putOldestLast(free: GPUBuffer[], ages: WeakMap<GPUBuffer, number>): void {
  const last = free.length - 1;
  let [oldest, age] = [last, ages.get(free[last]!)!];
  for (let at = 0; at < last; at++) {
    const other = ages.get(free[at]!)!;
    if (other < age) [oldest, age] = [at, other];
  }
  [free[oldest], free[last]] = [free[last]!, free[oldest]!];
}
