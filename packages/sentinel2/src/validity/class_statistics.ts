import { GlofError, throwIfAborted } from "@glof/core";
import type { PixelWindow } from "@glof/geo";
import { checkWindow } from "../scene_grid.js";
import type { Scene } from "../types.js";
import { classReasons, DEFAULT_VALIDITY } from "./policy.js";
import { SCENE_CLASSES, type SceneClass } from "./scene_classes.js";

/** A part of a scene: a window of its grid, or those of its pixels that a mask marks with something other than 0. */
export interface SceneRegion {
  readonly window: PixelWindow;
  /** Row-major, of the window's size. Default: all of it. */
  readonly mask?: Uint8Array;
}

/** How much of a scene or a part of it is cloud, snow, water. Shares are of the pixels with data; 0 where there are none. */
export interface SceneClassStatistics {
  readonly pixelCount: number;
  /** Share of all pixels that have data (a class other than `noData`). */
  readonly dataFraction: number;
  /** Share of each class but `noData` in the pixels with data. */
  readonly fractions: Readonly<Record<Exclude<SceneClass, "noData">, number>>;
  /** Medium and high probability and thin cirrus, as ESA's `CLOUD_COVERAGE_PERCENTAGE` of Level-2A. */
  readonly cloudFraction: number;
  readonly shadowFraction: number;
  readonly snowFraction: number;
  readonly waterFraction: number;
  /** Share of all pixels whose class the scene's policy (or else the default one) lets pass. */
  readonly validFraction: number;
}

/**
 * Counts the classes of a scene's classification, strip by strip.
 *
 * @param region default: the whole scene
 * @throws GlofError `unsupported-feature` for a scene without classification; `bad-argument` for a region outside the grid;
 *   `shape-mismatch` for a mask of another size; `aborted`
 */
export async function sceneClassStatistics(
  scene: Scene,
  region?: SceneRegion,
  options: { readonly signal?: AbortSignal } = {},
): Promise<SceneClassStatistics> {
  const where = `sceneClassStatistics(${scene.id})`;
  const { classification, grid } = scene;
  if (!classification) {
    throw new GlofError(
      "unsupported-feature",
      `${where}: expected a scene with a scene classification (SCL), got none. Use a Level-2A product; of loose bands, ` +
        "put the SCL file beside them and give openScene a validity policy.",
    );
  }
  const { window, mask } = region ?? { window: { x: 0, y: 0, width: grid.width, height: grid.height } };
  checkWindow(window, grid, where);
  if (mask && mask.length !== window.width * window.height) {
    throw new GlofError(
      "shape-mismatch",
      `${where}: expected a mask of ${window.width} x ${window.height} pixels, got ${mask.length}. Make it on the window.`,
    );
  }
  const counts = new Float64Array(256);
  for (let row = 0; row < window.height; row += scene.blockRows) {
    throwIfAborted(options.signal, where);
    const height = Math.min(scene.blockRows, window.height - row);
    const strip = { ...window, y: window.y + row, height };
    const classes = await classification.readWindow(strip, options);
    const start = row * window.width;
    for (let pixel = 0; pixel < classes.length; pixel++) {
      if (mask === undefined || mask[start + pixel] !== 0) counts[classes[pixel]!]!++;
    }
  }
  return summarise(counts, classReasons(scene.validityPolicy ?? DEFAULT_VALIDITY));
}

function summarise(counts: Float64Array, reasonOf: Uint8Array): SceneClassStatistics {
  const pixelCount = counts.reduce((sum, count) => sum + count, 0);
  const dataCount = pixelCount - counts[0]!;
  const share = (count: number, whole: number): number => (whole === 0 ? 0 : count / whole);
  const entries = SCENE_CLASSES.map((name, code) => [name, share(counts[code]!, dataCount)] as const);
  const of = Object.fromEntries(entries.slice(1)) as SceneClassStatistics["fractions"];
  const valid = counts.reduce((sum, count, code) => sum + (reasonOf[code] === 0 ? count : 0), 0);
  return {
    pixelCount,
    dataFraction: share(dataCount, pixelCount),
    fractions: of,
    cloudFraction: of.cloudMedium + of.cloudHigh + of.thinCirrus,
    shadowFraction: of.cloudShadow,
    snowFraction: of.snowIce,
    waterFraction: of.water,
    validFraction: share(valid, pixelCount),
  };
}
