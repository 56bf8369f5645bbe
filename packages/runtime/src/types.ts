import type { WebgpuPrecision } from "@glof/nn";

/** A TensorFlow.js backend that glof can use. `tensorflow` is tfjs-node-gpu or tfjs-node, where installed. */
export type BackendName = "webgpu" | "tensorflow" | "wasm" | "cpu";

/** Every backend, best first: the default order of `selectBackend`. */
export const backendNames: readonly BackendName[] = ["webgpu", "tensorflow", "wasm", "cpu"];

/** A backend that could not be used, or was not. */
export interface PassedOver {
  readonly name: BackendName;
  readonly reason: string;
}

/** What `selectBackend` chose, and why. */
export interface BackendChoice {
  readonly name: BackendName;
  /** One sentence for a person: what was chosen, what was passed over and why. */
  readonly reason: string;
  /** The backends that came before it, each with its reason, and facts about the chosen one. */
  readonly details: {
    readonly passedOver: readonly PassedOver[];
    /** webgpu: adapter, features, limits, kernels, precision, tuning. wasm: simd, relaxedSimd, threads. tensorflow: package, version. */
    readonly [fact: string]: unknown;
  };
}

/** Options of the WASM backend. */
export interface WasmOptions {
  /**
   * Folder (a path in Node, a URL in a browser, ending in `/`) with the three `.wasm` files of
   * `@tensorflow/tfjs-backend-wasm/dist`. Node finds them by itself; in a browser it is needed.
   */
  readonly path?: string;
  /** The same as `threads` of `selectBackend`, which stands before it. */
  readonly threads?: number;
}

/** Options of the WebGPU backend. */
export interface WebgpuOptions {
  /** Bytes of released GPU buffers that are kept for reuse; beyond it they are freed. Default 1 GiB. */
  readonly maxPooledBytes?: number;
  /**
   * Let the driver check every access of a shader to a buffer. Off it is faster (a product of matrices took 0.6 of the time on
   * one machine), but a fault in any shader, TensorFlow.js's own among them, then reads or writes memory of the process. Node
   * only, and only before the first use of WebGPU in the process. Default true.
   */
  readonly robustness?: boolean;
  /**
   * "f16" keeps weights for prediction and intermediate results as halves, and runs products and attention on matrix
   * units where the GPU has them, where nothing records for a gradient; see `useWebgpuPrecision` of `@glof/nn`. `details.precision` (its
   * `PrecisionReport`) says what came of it. Default "f32".
   */
  readonly precision?: WebgpuPrecision;
}
