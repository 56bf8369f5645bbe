/** A TensorFlow.js backend that glof can use. `tensorflow` is tfjs-node-gpu or tfjs-node, where installed. */
export type BackendName = "webgpu" | "tensorflow" | "wasm" | "cpu";

/** What `selectBackend` chose, and why. */
export interface BackendChoice {
  readonly name: BackendName;
  /** One sentence for a person, with what was passed over and why. */
  readonly reason: string;
  /** Facts: adapter, features, limits, package, threads, and `passedOver`. */
  readonly details: Readonly<Record<string, unknown>>;
}
