/** Who computes: ours, or a peer. Each runs in a process of its own. */
export type SideName =
  | "glof"
  | "glof-f16"
  | "stock"
  | "ort"
  | "ort-webgpu"
  | "torch"
  | "torch-tuned"
  | "torch-bf16"
  | "gdal"
  | "ceiling";

/** Sides that compute with 16 bits somewhere: their results differ by more, and matrix units are their limit. */
export const isLowPrecision = (side: SideName): boolean => side === "glof-f16" || side === "torch-bf16";

/** Values that a task is described with. */
export type TaskArgs = Readonly<Record<string, string | number | boolean | readonly number[]>>;

/** One thing to compute: what, and how large. Every side knows it under the same name. */
export interface Task {
  readonly kind: string;
  readonly args: TaskArgs;
}

/** What the parent asks of a side, one JSON line each. */
export type Request =
  | { readonly id: number; readonly ask: "hello" }
  | { readonly id: number; readonly ask: "prepare"; readonly task: Task }
  | { readonly id: number; readonly ask: "run"; readonly inner: number }
  | { readonly id: number; readonly ask: "output"; readonly path: string }
  | { readonly id: number; readonly ask: "release" }
  | { readonly id: number; readonly ask: "quit" };

/** What a side found out about itself or a task: versions, threads, milliseconds of a stage. */
export type Facts = Readonly<Record<string, string | number>>;

/** What a side answers, one JSON line each. `problem`: it cannot, and why. */
export interface Reply {
  readonly id: number;
  readonly problem?: string;
  readonly facts?: Facts;
  /** Milliseconds of one run: the mean over `inner` runs. */
  readonly ms?: number;
  /** Milliseconds of processor time of one run, over all threads. */
  readonly cpuMs?: number;
  /** Numbers of each part of an output that has several: they are compared part by part. */
  readonly parts?: readonly number[];
  /** Most memory that the process ever held, bytes. */
  readonly peakBytes?: number;
}

/** Deterministic inputs that every side makes alike: value i of the array named by `salt`, about in [-1, 1). */
export function fillValues(length: number, salt: number, scale = 1): Float32Array {
  const values = new Float32Array(length);
  let state = (Math.imul(salt + 1, 2654435761) ^ 0x9e3779b9) >>> 0;
  for (let i = 0; i < length; i++) {
    // A linear congruential generator (Numerical Recipes): the Python side repeats it exactly.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = ((state >>> 8) / 8388608 - 1) * scale;
  }
  return values;
}

/** The `problem` of a side whose task has no values to compare, such as one that writes files. */
export const NO_VALUES = "gives no values to compare";
