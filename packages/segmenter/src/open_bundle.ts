import { type Checkpoint, type CheckpointSource, openCheckpoint } from "@glof/checkpoint";
import { GlofError, parseJson } from "@glof/core";
import { hashTensors } from "./bundle_hash.js";
import { bundleFormat, configFileName, weightsFileName } from "./bundle_layout.js";
import type { ModelCard } from "./model_card.js";
import { BUNDLE_FORMAT_VERSION, checkSegmenterConfig, type SegmenterConfig } from "./segmenter_config.js";

/** Where a bundle comes from: a path (file or folder), a URL, or the bytes of a file. */
export type BundleSource = CheckpointSource;

/** An open bundle, its hash verified. Close the checkpoint when done. */
export interface Bundle {
  /** Path or URL, for messages. */
  readonly name: string;
  readonly config: SegmenterConfig;
  readonly card: ModelCard;
  /** Of the weights, as `hashTensors` counts. */
  readonly sha256: string;
  readonly checkpoint: Checkpoint;
}

/** Options of `openBundle`. */
export interface OpenBundleOptions {
  /** For messages, of sources that have no name. */
  readonly name?: string;
  readonly signal?: AbortSignal;
}

/** What a bundle says of itself, before any of it is believed. */
interface BundleText {
  readonly format: unknown;
  readonly formatVersion: unknown;
  readonly config: unknown;
  readonly card: unknown;
  readonly sha256: unknown;
}

/**
 * Opens what `saveBundle` wrote and verifies that version, config and hash fit.
 *
 * @throws GlofError `not-found`, `io`, `network`, `unsupported-format`, `corrupt-file` (a truncated file among them);
 * `bundle-mismatch` for files that are no bundle or one of another version; `hash-mismatch`; `bad-config`; `aborted`
 */
export async function openBundle(source: BundleSource, options: OpenBundleOptions = {}): Promise<Bundle> {
  const folder =
    typeof source === "string" && (await isFolder(source)) ? source.replace(/\/+$/, "") : undefined;
  const checkpoint = await openCheckpoint(folder ? `${folder}/${weightsFileName}` : source, options);
  try {
    const name = folder ?? checkpoint.name;
    const where = `openBundle(${name})`;
    const text = folder ? await folderText(folder) : headerText(checkpoint, where);
    checkFormat(text, where);
    const config = checkSegmenterConfig(text.config, where);
    const sha256 = await hashTensors(checkpoint);
    if (sha256 !== text.sha256) {
      throw new GlofError(
        "hash-mismatch",
        `${where}: expected weights with sha256 ${shown(text.sha256)}, got ${sha256}. The file was changed or damaged: get it again.`,
        { expected: text.sha256, got: sha256 },
      );
    }
    return { name, config, card: text.card as ModelCard, sha256, checkpoint };
  } catch (error) {
    await checkpoint.close();
    throw error;
  }
}

function checkFormat(text: BundleText, where: string): void {
  if (text.format !== bundleFormat) {
    throw new GlofError(
      "bundle-mismatch",
      `${where}: expected a bundle of format ${bundleFormat}, got ${text.format === undefined ? "weights alone" : shown(text.format)}. ` +
        "Save weights together with their config with saveBundle.",
      { format: text.format },
    );
  }
  if (text.formatVersion !== undefined && text.formatVersion !== String(BUNDLE_FORMAT_VERSION)) {
    throw new GlofError(
      "bundle-mismatch",
      `${where}: expected bundle format version ${BUNDLE_FORMAT_VERSION}, got ${shown(text.formatVersion)}. ` +
        "Update glof, or save the model again with this version.",
      { expected: BUNDLE_FORMAT_VERSION, got: text.formatVersion },
    );
  }
}

function headerText({ metadata }: Checkpoint, where: string): BundleText {
  const { format, formatVersion, config, card, sha256 } = metadata;
  const isBundle = format === bundleFormat;
  return {
    format,
    formatVersion,
    sha256,
    config: isBundle ? parseText(config, `${where}, config`) : undefined,
    card: isBundle ? parseText(card, `${where}, card`) : undefined,
  };
}

async function folderText(folder: string): Promise<BundleText> {
  const { readFile } = await import("node:fs/promises");
  const { asGlofError } = await import("@glof/core/node");
  const path = `${folder}/${configFileName}`;
  const text = parseText(await asGlofError(path, () => readFile(path, "utf8")), path);
  if (typeof text !== "object" || text === null) throw corruptText(path);
  const { format, sha256, config, card } = text as Record<string, unknown>;
  return { format, formatVersion: undefined, sha256, config, card };
}

function parseText(text: string | undefined, where: string): unknown {
  try {
    return parseJson(text ?? "");
  } catch (cause) {
    throw corruptText(where, cause);
  }
}

/** Text as it is; anything else may be there too, in a file that somebody changed. */
const shown = (value: unknown): string =>
  typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");

function corruptText(where: string, cause?: unknown): GlofError {
  return new GlofError("corrupt-file", `${where}: expected JSON, got something else. Get the bundle again.`, {
    cause,
  });
}

/** Whether a source is a folder on a disk; never in a browser. */
async function isFolder(path: string): Promise<boolean> {
  if (typeof process === "undefined" || /^[a-z][a-z0-9+.-]+:/i.test(path)) return false;
  const { stat } = await import("node:fs/promises");
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
