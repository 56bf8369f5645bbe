import type { TilePredictor } from "@glof/inference";

/** What computes a segmenter's forward passes: TensorFlow.js here, or ONNX Runtime in threads of its own. */
export type SegmenterEngine = "tfjs" | "ort";

/** A predictor that owns threads and memory. */
export interface TileEngine extends TilePredictor {
  /** For people: `ONNX Runtime 1.30.0 on the CPU, 1 x 2 threads`. */
  readonly description: string;
  /** Frees everything; batches under way fail with `aborted`. Safe to call twice. */
  close(): Promise<void>;
}

/** How many cores the engine `ort` uses. Its result does not depend on `workers`. */
export interface OrtEngineOptions {
  /** Threads that compute one batch together. Default: the processors that this process may use, shared among the workers. */
  readonly threads?: number | undefined;
  /** Batches computed side by side, each with its own weights in memory. Default 1. */
  readonly workers?: number | undefined;
}
