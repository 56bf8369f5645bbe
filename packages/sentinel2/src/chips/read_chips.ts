import { GlofError, throwIfAborted } from "@glof/core";
import { type AttributeValue, readGeoJson } from "@glof/geo";
import type { SplitPart } from "../sampling/geographic_splits.js";
import {
  type BandAccumulator,
  type BandAccumulatorState,
  beginBandStatistics,
} from "../statistics/band_accumulator.js";
import { type ChipPixels, readChipFile } from "./chip_files.js";

/** A chip from the disk. It is also a `Chip` of `@glof/train`. */
export interface StoredChip extends ChipPixels {
  readonly id: string;
  readonly split: SplitPart;
  readonly group?: string;
  readonly weight?: number;
}

/** Options of `readChips`. */
export interface ReadChipsOptions {
  /** Only chips of this part. Default: all. */
  readonly split?: SplitPart;
  readonly signal?: AbortSignal;
}

/**
 * Chips that `writeChips` put into a folder, all scenes in the order of their names: `openChipSet(readChips(dir, { split: "train" }))`.
 *
 * Node only.
 *
 * @throws GlofError `not-found` where there is no index; `corrupt-file`; `aborted`
 */
export async function* readChips(dir: string, options: ReadChipsOptions = {}): AsyncGenerator<StoredChip> {
  const { join } = await import("node:path");
  for (const index of await listFiles(dir, ".chips.geojson")) {
    const { features } = await readGeoJson(join(dir, index));
    for (const { properties } of features) {
      throwIfAborted(options.signal, `readChips(${dir})`);
      const { id, file, split, group, weight } = properties;
      if (options.split !== undefined && split !== options.split) continue;
      if (
        typeof id !== "string" ||
        !isPart(split) ||
        typeof file !== "string" ||
        !/^[\w-][\w.-]*$/.test(file)
      ) {
        throw corrupt(join(dir, index));
      }
      yield {
        ...(await readChipFile(join(dir, file))),
        id,
        split,
        ...(typeof group === "string" && { group }),
        ...(typeof weight === "number" && { weight }),
      };
    }
  }
}

/**
 * The statistics of the training chips of a folder, all scenes together.
 *
 * @throws GlofError `not-found` where no job is complete; `grid-mismatch` for scenes with other bands; `corrupt-file`
 */
export async function readChipStatistics(dir: string): Promise<BandAccumulator> {
  const [{ join }, { readFile }] = await Promise.all([import("node:path"), import("node:fs/promises")]);
  let all: BandAccumulator | undefined;
  for (const name of await listFiles(dir, ".chips.json")) {
    const path = join(dir, name);
    let job: { readonly statistics?: BandAccumulatorState };
    try {
      job = JSON.parse(await readFile(path, "utf8")) as typeof job;
    } catch (cause) {
      throw corrupt(path, cause);
    }
    if (job.statistics === undefined) continue;
    if (all === undefined) all = beginBandStatistics(job.statistics);
    else all.merge(job.statistics);
  }
  if (all) return all;
  throw new GlofError("not-found", `${dir}: expected finished chips, got none. Run writeChips to its end.`, {
    dir,
  });
}

const isPart = (value: AttributeValue | undefined): value is SplitPart =>
  value === "train" || value === "validation" || value === "test" || value === "gap";

async function listFiles(dir: string, ending: string): Promise<string[]> {
  const [{ readdir }, { asGlofError }] = await Promise.all([
    import("node:fs/promises"),
    import("@glof/core/node"),
  ]);
  const names = (await asGlofError(dir, () => readdir(dir))).filter((name) => name.endsWith(ending)).sort();
  if (names.length > 0) return names;
  throw new GlofError(
    "not-found",
    `${dir}: expected chips of writeChips, got no *${ending}. Check the folder.`,
    { dir },
  );
}

const corrupt = (path: string, cause?: unknown): GlofError =>
  new GlofError(
    "corrupt-file",
    `${path}: expected an index of writeChips, got something else. Write the chips again.`,
    {
      path,
      cause,
    },
  );
