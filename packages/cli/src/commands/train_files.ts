import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { GlofError } from "@glof/core";
import { asGlofError, beginFileSet, writeFileAtomic } from "@glof/core/node";
import { checkSegmenterConfig, type SegmenterConfig } from "@glof/segmenter";

/** What a training run keeps in its folder. */
export const TRAIN_FILES = {
  log: "log.jsonl",
  last: "last.safetensors",
  best: "best.safetensors",
  /** Shape and normalisation of the model in training: a resumed run must not take others. */
  config: "segmenter.json",
  model: "model.safetensors",
} as const;

/**
 * Checks, before anything is read, that a new run may write into its folder.
 *
 * @throws GlofError `already-exists` when an earlier run is there that may not be replaced; `not-writable`, `io`
 */
export async function checkFolder(out: string, options: { overwrite: boolean }): Promise<void> {
  await (await beginFileSet(out, Object.values(TRAIN_FILES), options)).abandon();
}

/** Removes an earlier run. */
export async function removeEarlierRun(out: string): Promise<void> {
  for (const name of Object.values(TRAIN_FILES))
    await asGlofError(out, () => rm(join(out, name), { force: true }));
}

/** Keeps the config of the model beside its checkpoints. */
export function writeSegmenterConfig(out: string, config: SegmenterConfig): Promise<void> {
  return writeFileAtomic(join(out, TRAIN_FILES.config), `${JSON.stringify(config, null, 2)}\n`);
}

/**
 * The config of the run that is resumed.
 *
 * @throws GlofError `not-found`, `corrupt-file`, `bad-config`, `bundle-mismatch`
 */
export async function readSegmenterConfig(out: string): Promise<SegmenterConfig> {
  const path = join(out, TRAIN_FILES.config);
  const text = await asGlofError(path, () => readFile(path, "utf8"));
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch (cause) {
    throw new GlofError("corrupt-file", `${path}: expected JSON, got something else. Train anew.`, { cause });
  }
  return checkSegmenterConfig(config, path);
}
