import { withSharedMemory } from "./shared_memory.js";

/** A name that only the module of tfjs-backend-wasm exports. */
const MARK = new TextEncoder().encode("register_tensor");

/**
 * Runs `start`, which starts TensorFlow.js's wasm backend, so that the backend's heap is memory which threads share: what
 * `installWasmKernels({ threads })` needs. Without it the backend of Node has a heap of its own and all kernels run in one
 * thread; in a cross-origin isolated page TensorFlow.js shares its heap by itself.
 *
 * While `start` runs, `WebAssembly.instantiate` is replaced by one that changes a single bit of that backend's binary; every
 * other binary passes as it is.
 *
 * @returns what `start` returns
 */
export async function withSharedWasmHeap<T>(start: () => Promise<T>): Promise<T> {
  if (typeof SharedArrayBuffer === "undefined") return start();
  const stock = WebAssembly.instantiate;
  const replaced = (source: BufferSource | WebAssembly.Module, imports?: WebAssembly.Imports): unknown =>
    stock((sharedForm(source) ?? source) as BufferSource, imports);
  WebAssembly.instantiate = replaced as typeof WebAssembly.instantiate;
  try {
    return await start();
  } finally {
    // Somebody else may have replaced it meanwhile, and calls ours then.
    if (WebAssembly.instantiate === (replaced as unknown)) WebAssembly.instantiate = stock;
  }
}

function sharedForm(source: BufferSource | WebAssembly.Module): Uint8Array<ArrayBuffer> | undefined {
  if (source instanceof WebAssembly.Module) return undefined;
  const bytes = ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
  return contains(bytes, MARK) ? withSharedMemory(bytes) : undefined;
}

function contains(bytes: Uint8Array, mark: Uint8Array): boolean {
  for (let at = bytes.indexOf(mark[0]!); at >= 0; at = bytes.indexOf(mark[0]!, at + 1)) {
    if (mark.every((byte, i) => bytes[at + i] === byte)) return true;
  }
  return false;
}
