import { GlofError } from "@glof/core";
import { type AttributeValue, type Feature, pixelToMap, writeGeoJson } from "@glof/geo";
import type { SplitPart } from "../sampling/geographic_splits.js";
import {
  type BandAccumulatorState,
  type BandSummary,
  beginBandStatistics,
} from "../statistics/band_accumulator.js";
import type { Scene } from "../types.js";
import { type ChipFormat, chipEnding, readChipFile, writeChipFile } from "./chip_files.js";
import type { ChipLabels } from "./chip_labels.js";
import { chipWindows, type SampleChipsOptions, type SceneChip, sampleChips } from "./sample_chips.js";

/** Options of `writeChips`. */
export interface WriteChipsOptions extends SampleChipsOptions {
  /** Folder of the chips; made if absent. Several scenes may share one. */
  readonly dir: string;
  /** Default `"geotiff"`. */
  readonly format?: ChipFormat;
  /** Part of each chip, or of all; from `geographicSplits`, for instance. Default `"train"`. */
  readonly split?: SplitPart | ((chip: SceneChip) => SplitPart);
  /** Start anew where the folder holds chips of this scene made with other settings. Default false. */
  readonly overwrite?: boolean;
}

/** What `writeChips` did. */
export interface WrittenChips {
  /** Path of the index: `<scene>.chips.geojson` in the folder. */
  readonly indexPath: string;
  readonly written: number;
  /** Found from an earlier run that was stopped. */
  readonly kept: number;
  /** Of the bands over the valid pixels of the training chips. */
  readonly statistics: readonly BandSummary[];
}

/** What the file beside the index holds. */
interface ChipJob {
  readonly settings: string;
  readonly complete: boolean;
  readonly statistics?: BandAccumulatorState;
}

/**
 * Cuts a scene into labelled chips on the disk, with an index.
 *
 * Every file appears whole. `<scene>.chips.geojson` comes last: footprints in longitude and latitude with id, file, place, part,
 * shares of valid and positive pixels, group and weight. `<scene>.chips.json` holds the settings and the statistics of the
 * training chips, which `beginBandStatistics` takes up and merges with those of other scenes.
 *
 * Stopped, it goes on where it was: chips that are there are read back instead of made. That their settings are the same is
 * checked; that labels and scene are, is the caller's part.
 *
 * Node only.
 *
 * @throws GlofError `already-exists` for chips of other settings; `unsupported-feature` where the scene's CRS has no EPSG code;
 *   as `sampleChips`; `no-space`, `not-writable`, `io`
 */
export async function writeChips(
  scene: Scene,
  labels: ChipLabels,
  options: WriteChipsOptions,
): Promise<WrittenChips> {
  const { dir, format = "geotiff", split = "train" } = options;
  const [{ join }, { rm }, { writeFileAtomic }] = await Promise.all([
    import("node:path"),
    import("node:fs/promises"),
    import("@glof/core/node"),
  ]);
  const name = safeName(scene.id);
  const jobPath = join(dir, `${name}.chips.json`);
  const settings = describeJob(scene, options, format);
  const resumes = await mayResume(jobPath, settings, options.overwrite ?? false);
  const indexPath = join(dir, `${name}.chips.geojson`);
  // No index while its chips are made: an old one would tell of others.
  await rm(indexPath, { force: true });
  await writeFileAtomic(jobPath, toText({ settings, complete: false }));
  const statistics = beginBandStatistics(bandNames(scene, options));
  const features: Feature[] = [];
  let [written, kept] = [0, 0];
  for await (const chip of sampleChips(scene, labels, options)) {
    const file = `${safeName(chip.id)}${chipEnding[format]}`;
    const part = typeof split === "function" ? split(chip) : split;
    if (resumes && (await isThere(join(dir, file), chip))) kept++;
    else {
      await writeChipFile(join(dir, file), chip, format);
      written++;
    }
    if (part === "train") statistics.add(bandPlanes(chip));
    features.push(toFeature(chip, file, part));
  }
  await writeFileAtomic(jobPath, toText({ settings, complete: true, statistics: statistics.toJSON() }));
  await writeGeoJson(indexPath, features, { crs: scene.grid.crs!, name: `${scene.id} chips`, precision: 9 });
  return { indexPath, written, kept, statistics: statistics.summary() };
}

const toText = (job: ChipJob): string => `${JSON.stringify(job)}\n`;

/** File names from ids: letters, digits, dot, hyphen, underscore. */
const safeName = (id: string): string => id.replace(/[^\w.-]/g, "_").replace(/^\.+/, "_");

const bandNames = (scene: Scene, { bands = scene.bands, layers = [] }: SampleChipsOptions): string[] => [
  ...bands,
  ...layers.flatMap((layer) => layer.bands.map((band) => band.name ?? "")),
];

/** All that decides which chips there are and what is in them, but for scene and labels themselves. */
function describeJob(scene: Scene, options: WriteChipsOptions, format: ChipFormat): string {
  const { minValid = 0.5, minPositive = 0 } = options;
  const windows = chipWindows(scene.grid, options, "writeChips").map(({ x, y, width, height }) => [
    x,
    y,
    width,
    height,
  ]);
  return JSON.stringify({
    scene: scene.id,
    grid: [scene.grid.width, scene.grid.height, ...scene.grid.geoTransform],
    radiometry: scene.radiometry,
    format,
    bands: bandNames(scene, options),
    minValid,
    minPositive,
    windows,
  });
}

/** Whether chips of these settings may be there. */
async function mayResume(jobPath: string, settings: string, overwrite: boolean): Promise<boolean> {
  const { readFile } = await import("node:fs/promises");
  let text: string;
  try {
    text = await readFile(jobPath, "utf8");
  } catch {
    return false;
  }
  if (overwrite) return false;
  if (parseJob(text)?.settings === settings) return true;
  throw new GlofError(
    "already-exists",
    `${jobPath}: expected chips made with the same settings, got others. Choose another folder, or overwrite.`,
    { path: jobPath },
  );
}

function parseJob(text: string): ChipJob | undefined {
  try {
    return JSON.parse(text) as ChipJob;
  } catch {
    return undefined;
  }
}

/** Whether a file holds this chip already. */
async function isThere(path: string, chip: SceneChip): Promise<boolean> {
  try {
    const found = await readChipFile(path);
    return (
      found.bands.join() === chip.bands.join() &&
      isSame(found.mask, chip.mask) &&
      isSame(found.refl, chip.refl)
    );
  } catch {
    return false;
  }
}

const isSame = (a: ArrayLike<number>, b: ArrayLike<number>): boolean => {
  for (let at = 0; at < b.length; at++) if (!Object.is(a[at], b[at])) return false;
  return a.length === b.length;
};

function bandPlanes({ bands, refl }: SceneChip): Float32Array[] {
  return bands.map((_, band) => refl.filter((__, at) => at % bands.length === band));
}

function toFeature(chip: SceneChip, file: string, part: SplitPart): Feature {
  const { grid, window } = chip;
  const corners = [
    [0, 0],
    [0, window.height],
    [window.width, window.height],
    [window.width, 0],
    [0, 0],
  ] as const;
  const properties: Record<string, AttributeValue> = {
    id: chip.id,
    file,
    x: window.x,
    y: window.y,
    width: window.width,
    height: window.height,
    split: part,
    valid: chip.validFraction,
    positive: chip.positiveFraction,
    ...(chip.group !== undefined && { group: chip.group }),
    ...(chip.weight !== undefined && { weight: chip.weight }),
  };
  return { geometry: [[corners.map(([col, row]) => pixelToMap(grid.geoTransform, col, row))]], properties };
}
