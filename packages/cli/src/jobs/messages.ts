import { GlofError, type GlofErrorCode, isGlofError } from "@glof/core";
import type { BackendName } from "@glof/runtime";
import type { BackendRequest } from "./choose_backend.js";

/** What a tile worker is started with. */
export interface WorkerStart {
  readonly backend: BackendName;
  readonly precision?: BackendRequest["precision"];
  /** Path of the bundle. */
  readonly model: string;
  /** Threads that compute a batch together, where the backend has threads. */
  readonly threads: number;
  /** Shape of the batches to come: what has to be made ready for them is, beside whatever comes before the first. */
  readonly batchShape: Batch["shape"];
}

/** A batch of tiles, as `TilePredictor.predict` gets it. */
export interface Batch {
  readonly pixels: Float32Array;
  readonly shape: readonly [N: number, tilePx: number, tilePx: number, bands: number];
}

/** What a worker is told to do. */
export type Order =
  | ({ readonly kind: "start" } & WorkerStart)
  | ({ readonly kind: "batch" } & Batch)
  | { readonly kind: "stop" };

/** What it answers, once for each order but the last: it ends with that. */
export type WorkerAnswer =
  | { readonly kind: "ready" }
  | { readonly kind: "done"; readonly prob: Float32Array }
  | { readonly kind: "failed"; readonly failure: PlainFailure };

/** An error as it can cross the border between threads, where classes are lost. */
export interface PlainFailure {
  readonly code: GlofErrorCode | undefined;
  readonly message: string;
  readonly stack: string | undefined;
}

/** An error made plain. */
export function toPlainFailure(error: unknown): PlainFailure {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return { code: isGlofError(error) ? error.code : undefined, message, stack };
}

/** The error that was made plain. */
export function fromPlainFailure({ code, message, stack }: PlainFailure): Error {
  if (code !== undefined) return new GlofError(code, message);
  return Object.assign(new Error(message), { stack });
}
