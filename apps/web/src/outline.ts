import { GlofError, throwIfAborted } from "@glof/core";
import { beginPolygonize } from "@glof/geo";
import { type Lake, measureLakes } from "@glof/mapping/browser";
import { nextTurn } from "./pause.js";
import { NO_PROB, PROB_STEPS, type ProbabilityMap } from "./run.js";

/** How lakes are cut out of a probability map. */
export interface OutlineOptions {
  /** Lake where the probability is at least this. */
  readonly threshold: number;
  /** Smaller lakes are left out. */
  readonly minAreaM2: number;
  readonly signal?: AbortSignal;
}

/** Rows traced between two looks at the clock. */
const stripRows = 128;

/**
 * Outlines and measures the lakes of a map, largest first, without the model. It gives the page its turn.
 * @throws GlofError `missing-crs`, `aborted`
 */
export async function outlineLakes(map: ProbabilityMap, options: OutlineOptions): Promise<Lake[]> {
  const { grid, steps } = map;
  const { threshold, minAreaM2, signal } = options;
  if (grid.crs === undefined) {
    throw new GlofError(
      "missing-crs",
      "outlineLakes: expected a scene with a CRS, got none. Assign one first.",
    );
  }
  const polygonizer = beginPolygonize({ grid });
  for (let y = 0; y < grid.height; y += stripRows) {
    const rowCount = Math.min(stripRows, grid.height - y);
    const strip = steps.subarray(y * grid.width, (y + rowCount) * grid.width);
    const prob = Float32Array.from(strip, (step) => (step === NO_PROB ? Number.NaN : step / PROB_STEPS));
    const mask = Uint8Array.from(prob, (value) => (value >= threshold ? 1 : 0));
    const validMask = Uint8Array.from(strip, (step) => (step === NO_PROB ? 0 : 1));
    polygonizer.addRows(mask, prob, validMask, rowCount);
    await nextTurn();
    throwIfAborted(signal, "outlineLakes");
  }
  return measureLakes(polygonizer.finish(), grid.crs, minAreaM2);
}
