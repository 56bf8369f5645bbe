import { type OnProgress, throwIfAborted } from "@glof/core";
import type { PlannedTensor } from "./tensor_plan.js";

/** How a format surrounds tensors, which are written one after the other in the order of a plan. */
export interface FileLayout {
  /** What stands before the first tensor. */
  readonly head: Uint8Array;
  /** One tensor's bytes with what goes around them. Called once each, in order. */
  place(index: number, bytes: Uint8Array): readonly Uint8Array[];
  /** What stands behind the last tensor, known when all are placed. */
  tail(): readonly Uint8Array[];
}

/** A file in memory. */
export function assembleFile(layout: FileLayout, plan: readonly PlannedTensor<Uint8Array>[]): Uint8Array {
  const parts = [layout.head];
  for (const [index, tensor] of plan.entries()) parts.push(...layout.place(index, tensor.readBytes()));
  parts.push(...layout.tail());
  return concatBytes(parts);
}

/** Arrays one behind the other. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((total, part) => total + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.byteLength;
  }
  return all;
}

/** Options of every function that writes a file tensor by tensor. */
export interface WriteProgressOptions {
  readonly signal?: AbortSignal | undefined;
  /** Hears of each tensor: stage `write`, unit `bytes`. */
  readonly onProgress?: OnProgress | undefined;
}

/** Writes a file to a path that must be new, tensor by tensor, holding one at a time (Node). */
export async function writeLayout(
  path: string,
  layout: FileLayout,
  plan: readonly PlannedTensor<Uint8Array | Promise<Uint8Array>>[],
  { signal, onProgress }: WriteProgressOptions = {},
): Promise<void> {
  const { open } = await import("node:fs/promises");
  const file = await open(path, "wx");
  const total = plan.reduce((sum, tensor) => sum + tensor.byteLength, 0);
  let done = 0;
  try {
    await file.writeFile(layout.head);
    for (const [index, tensor] of plan.entries()) {
      throwIfAborted(signal, "write");
      const bytes = await tensor.readBytes();
      for (const part of layout.place(index, bytes)) await file.writeFile(part);
      done += bytes.byteLength;
      onProgress?.({ stage: "write", done, total, unit: "bytes" });
    }
    for (const part of layout.tail()) await file.writeFile(part);
  } finally {
    await file.close();
  }
}

/** Writes a file that appears under its name only when it is whole (Node). */
export async function writeLayoutAtomic(
  path: string,
  layout: FileLayout,
  plan: readonly PlannedTensor<Uint8Array | Promise<Uint8Array>>[],
  options: WriteProgressOptions = {},
): Promise<void> {
  const { asGlofError, beginAtomicFile } = await import("@glof/core/node");
  const target = await beginAtomicFile(path);
  try {
    await asGlofError(path, () => writeLayout(target.temporaryPath, layout, plan, options));
    await target.commit();
  } catch (error) {
    await target.abandon();
    throw error;
  }
}
