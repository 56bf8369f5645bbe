import { GlofError, seededRng, throwIfAborted } from "@glof/core";
import type { FieldGrid } from "./grid.js";
import { planMountain, visibleAreas } from "./mountain.js";
import { paddedGrid } from "./padded_grid.js";
import { generateScene, mountainState, type SceneOptions } from "./scene.js";
import type { SyntheticScene } from "./types.js";

/** Several years of one place. */
export interface SeriesOptions extends Omit<SceneOptions, "year" | "mode" | "drainedYear"> {
  /** Years in ascending order, one scene each. */
  readonly years: readonly number[];
  /** In which of the years the largest lake has broken out; `null` for none. Default: the last but one. */
  readonly drainedYear?: number | null;
  readonly signal?: AbortSignal;
}

/** Least size of a growing lake, as a share of the scene. */
const LEAST_SHARE = 0.0012;
const ATTEMPTS = 40;

/**
 * Generates several years of one mountain: ground, glaciers and lakes stay where they are, glacier fronts
 * draw back and the lakes at them grow, one lake breaks out, and weather, snow and light are each year's own.
 *
 * From `seed` it takes the first place that has at least two lakes which can grow, or the best of forty.
 * Season and clouds are those asked for; else autumn, when lakes are open, and no clouds.
 *
 * @throws GlofError `bad-argument` for no years, years out of order, or a place too small for lakes; `aborted`
 */
export function generateSeries(options: SeriesOptions): SyntheticScene[] {
  const { years, signal, seed, ...common } = options;
  checkYears(years);
  const place = findPlace(options);
  const drainedYear = options.drainedYear === undefined ? years.at(-2) : (options.drainedYear ?? undefined);
  return years.map((year) => {
    throwIfAborted(signal, "generateSeries");
    return generateScene({ season: "autumn", cloudCover: 0, ...common, seed: place, year, drainedYear });
  });
}

function checkYears(years: readonly number[]): void {
  const ordered = years.every((year, at) => at === 0 || year > years[at - 1]!);
  if (years.length > 0 && ordered && years.every(Number.isInteger)) return;
  throw new GlofError(
    "bad-argument",
    `generateSeries: expected whole years in ascending order, got ${JSON.stringify(years)}. Do sort them and drop doubles.`,
    { years },
  );
}

/**
 * Of the seeds derived from the caller's, the first whose plan has enough lakes at retreating fronts, or the
 * best.
 */
function findPlace(options: SeriesOptions): string {
  const { seed, width = 512, height = 512, pixelSizeM = 10 } = options;
  const grid = paddedGrid(width, height, pixelSizeM);
  const enoughM2 = Math.max(40, LEAST_SHARE * width * height) * pixelSizeM ** 2;
  let best = { place: "", areaM2: 0 };
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const place = `${seed}/place ${attempt}`;
    const areasM2 = growingAreas(grid, place, options.lakeAbundance);
    const [largest = 0, second = 0] = areasM2.sort((a, b) => b - a);
    if (second > enoughM2) return place;
    if (largest > best.areaM2) best = { place, areaM2: largest };
  }
  if (best.areaM2 > enoughM2) return best.place;
  throw new GlofError(
    "bad-argument",
    `generateSeries: expected a scene wide enough for growing lakes, got ${width} x ${height} pixels of ${pixelSizeM} m. ` +
      "Do make the scene wider, or take another seed.",
    { width, height, pixelSizeM },
  );
}

function growingAreas(grid: FieldGrid, place: string, lakeAbundance: number | undefined): number[] {
  const rng = seededRng(place).split("place");
  const { shapes, terrain } = planMountain(grid, mountainState({ lakeAbundance }), rng);
  const growing = shapes.filter((shape) => shape.kind === "ice-contact");
  return visibleAreas(growing, grid, terrain.grid, rng);
}
