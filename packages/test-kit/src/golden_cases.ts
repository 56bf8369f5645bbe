import { readFileSync } from "node:fs";
import { type Checkpoint, openCheckpoint } from "@glof/checkpoint";
import { sharedPath } from "./shared_folder.js";
import type { Tolerance } from "./tolerances.js";

/** What `cases.json` says of one tensor of a case. */
export interface GoldenTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly max_abs?: number;
  readonly ref_err?: number;
  readonly atol?: number;
  readonly rtol?: number;
  /** Integers that must agree exactly. */
  readonly exact?: boolean;
}

/** One golden case: options, and the names of its tensors. The values lie in a safetensors file. */
export interface GoldenCase {
  readonly id: string;
  readonly file: string;
  readonly kind: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly inputs: Readonly<Record<string, GoldenTensor>>;
  readonly expected: Readonly<Record<string, GoldenTensor>>;
  readonly notes?: string | readonly string[];
  /** Further facts of the case, as the group defines them. */
  readonly [more: string]: unknown;
  /** Opens the case's values; PyTorch layouts. Close it when done. */
  open(): Promise<Checkpoint>;
  /** Values of all its tensors as f32, in the layout of the file. */
  read(): Promise<ReadonlyMap<string, { shape: readonly number[]; values: Float32Array }>>;
}

/** A group of golden cases with what its `cases.json` says beside them. */
export interface GoldenGroup {
  readonly cases: readonly GoldenCase[];
  readonly conventions: Readonly<Record<string, string>>;
  /** Everything else in `cases.json`, such as `models` of group dinov2. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/**
 * Reads `../shared/fixtures/<group>/cases.json`. Guard it with `hasShared("fixtures/<group>")`.
 *
 * @param kinds when given, only cases of these kinds
 */
export function readGoldenCases(group: string, kinds?: readonly string[]): GoldenCase[] {
  return [...readGoldenGroup(group).cases].filter((one) => !kinds || kinds.includes(one.kind));
}

/** Reads a group with its conventions. */
export function readGoldenGroup(group: string): GoldenGroup {
  const folder = sharedPath(`fixtures/${group}/`);
  const facts = JSON.parse(readFileSync(`${folder}cases.json`, "utf8")) as {
    cases: Omit<GoldenCase, "open" | "read">[];
    conventions: Record<string, string>;
  };
  const cases = facts.cases.map((one) => {
    const open = () => openCheckpoint(`${folder}${one.file}`);
    return { ...one, open, read: () => readAll(open) } as GoldenCase;
  });
  return { cases, conventions: facts.conventions, facts };
}

/** The tolerance of an expected tensor of a case; an exact one tolerates nothing. */
export function goldenTolerance(tensor: GoldenTensor): Tolerance {
  return tensor.exact ? { atol: 0, rtol: 0 } : { atol: tensor.atol ?? 0, rtol: tensor.rtol ?? 0 };
}

async function readAll(open: () => Promise<Checkpoint>): ReturnType<GoldenCase["read"]> {
  const file = await open();
  try {
    const all = new Map<string, { shape: readonly number[]; values: Float32Array }>();
    for (const { name, shape } of file.entries.values()) {
      all.set(name, { shape, values: await file.readFloat32(name) });
    }
    return all;
  } finally {
    await file.close();
  }
}
