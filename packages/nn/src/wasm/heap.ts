import { GlofError } from "@glof/core";
import type { DataType, TensorInfo } from "@tensorflow/tfjs-core";
import { instantiateKernels, type KernelBinary, type KernelExports } from "./kernel_module.js";

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
}

/** Our kernels on one backend's heap. Addresses are byte offsets, valid until the tensor is disposed. */
export interface WasmHeap {
  readonly kernels: KernelExports;
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

/** Chooses the binary that `heapOf` instantiates on each backend it meets. */
export function useKernelBinary(chosen: KernelBinary): void {
  binary = chosen;
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
  const heap = makeHeap(stock, instantiateKernels(binary, memory));
  heaps.set(stock, heap);
  return heap;
}

function makeHeap(stock: StockBackend, kernels: KernelExports): WasmHeap {
  let scratchAddress = 0;
  let scratchBytes = 0;
  return {
    kernels,
    address: (tensor) => stock.dataIdMap.get(tensor.dataId).memoryOffset,
    output: (shape, dtype) => stock.makeOutput(shape, dtype),
    share: ({ dataId, shape, dtype }) => {
      stock.incRef(dataId);
      return { dataId, shape, dtype };
    },
    release: (tensor) => {
      stock.disposeData(tensor.dataId);
    },
    scratch: (bytes) => {
      if (bytes <= scratchBytes) return scratchAddress;
      if (scratchAddress !== 0) stock.wasm._free(scratchAddress);
      scratchAddress = stock.wasm._malloc(bytes) >>> 0;
      scratchBytes = scratchAddress === 0 ? 0 : bytes;
      if (scratchAddress === 0) {
        throw new GlofError(
          "out-of-memory",
          `wasm kernel: expected ${bytes} bytes of scratch, got none. Use smaller tiles or batches.`,
          { bytes },
        );
      }
      return scratchAddress;
    },
    bytes: () => stock.wasm.HEAPU8,
  };
}
