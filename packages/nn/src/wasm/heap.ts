import { GlofError } from "@glof/core";
import type { DataType, TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelExports } from "./kernel_exports.js";
import { instantiateKernels, type KernelBinary } from "./kernel_module.js";
import { type KernelTask, perform, startPool, type ThreadPool } from "./threads/pool.js";

/**
 * What this package uses of TensorFlow.js's WASM backend. Most of it is private there, so the version is pinned to
 * 4.22.0 and no other file touches it:
 * - tensors lie in the heap of an Emscripten module, at `memoryOffset` of their entry in `dataIdMap`;
 * - that module's memory is `asm.memory` in the single-threaded build, `wasmMemory` in the threaded one;
 * - `_malloc` returns a signed number, and any allocation may grow the memory, which detaches every view on it.
 */
interface StockBackend {
  readonly wasm: {
    readonly HEAPU8: Uint8Array;
    readonly asm?: { readonly memory?: WebAssembly.Memory };
    readonly wasmMemory?: WebAssembly.Memory;
    _malloc(bytes: number): number;
    _free(address: number): void;
  };
  readonly dataIdMap: { get(dataId: object): { readonly memoryOffset: number } };
  makeOutput(shape: readonly number[], dtype: DataType): TensorInfo;
  incRef(dataId: object): void;
  disposeData(dataId: object): boolean;
  dispose(): void;
}

/** How `WasmHeap.run` performs its tasks. */
export interface RunOptions {
  /** Bytes of scratch that each task gets, its address as one more argument. Default none. */
  readonly scratchBytes?: number;
  /** A call that each thread makes before its first task. Default none. */
  readonly setUp?: KernelTask;
}

/** Our kernels on one backend's heap. Addresses are byte offsets, valid until the tensor is disposed. */
export interface WasmHeap {
  readonly kernels: KernelExports;
  /** Threads that share the work of `run`, at least 1. */
  readonly threads: number;
  /**
   * Performs tasks that do not depend on each other, shared out to all threads; returns when all are done. Memory they
   * name must not move meanwhile, which it does not, and must be had before: `run` may grow the heap.
   */
  run(tasks: readonly KernelTask[], options?: RunOptions): void;
  /** Address of a tensor's first byte. */
  address(tensor: TensorInfo): number;
  /** A new tensor with undefined content; the caller owns it. */
  output(shape: readonly number[], dtype: DataType): TensorInfo;
  /** Another tensor on the same data, which lives as long as either. */
  share(tensor: TensorInfo): TensorInfo;
  /** Gives a tensor back. */
  release(tensor: TensorInfo): void;
  /** Address of at least `bytes` bytes of scratch, valid until the next call of `scratch`. */
  scratch(bytes: number): number;
  /** The heap's bytes as of now: never keep this across `output` or `scratch`. */
  bytes(): Uint8Array;
}

const heaps = new WeakMap<object, WasmHeap>();
let binary: KernelBinary | undefined;
let wantedThreads = 1;

/** Chooses the binary, and the most threads, that `heapOf` starts on each backend it meets. */
export function useKernelBinary(chosen: KernelBinary, threads = 1): void {
  binary = chosen;
  wantedThreads = threads;
}

/**
 * Our kernels on the heap of `backend`, an instance of tfjs's `BackendWasm`; made on first use.
 *
 * @throws GlofError `internal` when the backend has no memory where version 4.22.0 has it, or no binary was chosen.
 */
export function heapOf(backend: unknown): WasmHeap {
  const stock = backend as StockBackend;
  const known = heaps.get(stock);
  if (known) return known;
  const memory = stock.wasm?.wasmMemory ?? stock.wasm?.asm?.memory;
  if (!memory || !binary) {
    throw new GlofError(
      "internal",
      `heapOf: expected tfjs-backend-wasm 4.22.0 and chosen kernels, got ${memory ? "no kernels" : "no memory"}. ` +
        "Pin @tensorflow/tfjs-backend-wasm to 4.22.0 and call installWasmKernels first.",
    );
  }
  const heap = makeHeap(stock, startEngine(binary, memory, wantedThreads));
  heaps.set(stock, heap);
  return heap;
}

/** The kernels of the calling thread, and the others' where there are any. */
interface Engine {
  readonly kernels: KernelExports;
  readonly pool: ThreadPool | undefined;
}

function startEngine(binary: KernelBinary, memory: WebAssembly.Memory, threads: number): Engine {
  if (!isShared(memory)) return { kernels: instantiateKernels(binary.module, memory), pool: undefined };
  const module = binary.sharedModule!;
  const kernels = instantiateKernels(module, memory);
  return { kernels, pool: threads > 1 ? startPool({ module, kernels, memory, threads }) : undefined };
}

function isShared({ buffer }: WebAssembly.Memory): boolean {
  return typeof SharedArrayBuffer !== "undefined" && (buffer as unknown) instanceof SharedArrayBuffer;
}

/** Bytes of scratch per thread are a multiple of this: threads that write beside each other slow each other down. */
const SCRATCH_STEP = 4096;

function makeHeap(stock: StockBackend, { kernels, pool }: Engine): WasmHeap {
  const common = new Scratch(stock);
  const own = new Scratch(stock);
  const threads = pool?.size ?? 1;
  if (pool) endWith(stock, pool);
  return {
    kernels,
    threads,
    run: (tasks, { scratchBytes = 0, setUp } = {}) => {
      const stride = Math.ceil(scratchBytes / SCRATCH_STEP) * SCRATCH_STEP;
      const scratch = { base: stride === 0 ? 0 : own.ofSize(stride * threads), stride };
      if (pool && tasks.length > 1) {
        pool.run(tasks, scratch, setUp);
        return;
      }
      if (setUp) perform(kernels, setUp, { base: 0, stride: 0 });
      for (const task of tasks) perform(kernels, task, scratch);
    },
    address: (tensor) => stock.dataIdMap.get(tensor.dataId).memoryOffset,
    output: (shape, dtype) => stock.makeOutput(shape, dtype),
    share: ({ dataId, shape, dtype }) => {
      stock.incRef(dataId);
      return { dataId, shape, dtype };
    },
    release: (tensor) => {
      stock.disposeData(tensor.dataId);
    },
    scratch: (bytes) => common.ofSize(bytes),
    bytes: () => stock.wasm.HEAPU8,
  };
}

/** The workers hold the heap, so they go when the backend does. */
function endWith(stock: StockBackend, pool: ThreadPool): void {
  const dispose = stock.dispose;
  stock.dispose = function (this: StockBackend) {
    pool.end();
    dispose.call(this);
  };
}

/** A piece of the heap that grows to the largest size ever asked for. */
class Scratch {
  private address = 0;
  private bytes = 0;

  constructor(private readonly stock: StockBackend) {}

  /** Its address, valid until a larger one is asked for. */
  ofSize(bytes: number): number {
    if (bytes <= this.bytes) return this.address;
    if (this.address !== 0) this.stock.wasm._free(this.address);
    this.address = this.stock.wasm._malloc(bytes) >>> 0;
    this.bytes = this.address === 0 ? 0 : bytes;
    if (this.address !== 0) return this.address;
    throw new GlofError(
      "out-of-memory",
      `wasm kernel: expected ${bytes} bytes of scratch, got none. Use smaller tiles or batches.`,
      { bytes },
    );
  }
}
