import { GlofError } from "@glof/core";
import type { PixelWindow, RasterGrid } from "../types.js";
import { type HeightBlocks, heightBlocks, isInCastShadow } from "./cast_shadow.js";
import { type DemPart, gatherNeighbours, wholeDem } from "./dem_part.js";
import { cosIncidence, gradient } from "./feature_formulas.js";
import { groundSize } from "./ground_size.js";
import { type SunPosition, sunVector } from "./sun.js";

/** Options of `shadowMask`. */
export interface ShadowOptions {
  /**
   * `"self"`: ground turned away from the sun (cosine of incidence, by Horn's slope, at most 0); `"cast"`: ground with relief
   * between it and the sun; `"both"` (default): either.
   */
  readonly kind?: "self" | "cast" | "both";
}

/**
 * Terrain shadow for a position of the sun: 1 in shadow, 0 lit, 255 where the DEM has a gap.
 *
 * Cast shadow is that of the bilinear surface between pixel centres, found by following each ray to the sun exactly; a ray
 * that only touches the surface is lit. Relief beyond the DEM casts nothing: give a DEM that reaches
 * (highest - lowest) / tan(elevation) further towards the sun. On a grid in degrees a ray has the pixel size of the row it
 * starts from. The curvature of the Earth is left out (15 m over 14 km).
 *
 * @param demM heights in metres, row by row; NaN is a gap
 * @param sun azimuth from the grid's north; see `azimuthOnGrid`
 * @throws GlofError `bad-argument` for a sun below the horizon; `shape-mismatch`, `bad-geotransform`
 */
export function shadowMask(
  demM: ArrayLike<number>,
  grid: RasterGrid,
  sun: SunPosition,
  options: ShadowOptions = {},
): Uint8Array {
  const dem = wholeDem(demM, grid, "shadowMask");
  return shadowOfWindow(dem, dem.box, grid, sun, options);
}

/** Shadow in a window of a DEM, of which `dem` holds the window, its neighbours and all that may cast a shadow on it. */
export function shadowOfWindow(
  dem: DemPart,
  window: PixelWindow,
  grid: RasterGrid,
  sun: SunPosition,
  { kind = "both" }: ShadowOptions,
): Uint8Array {
  checkKind(kind);
  const towardsSun = sunVector(sun, "shadowMask");
  const [east, north, up] = towardsSun;
  const level = Math.hypot(east, north);
  const blocks: HeightBlocks | undefined = kind === "self" || level === 0 ? undefined : heightBlocks(dem);
  const sizeOf = groundSize(grid, "shadowMask");
  const heights = new Float64Array(9);
  const out = new Uint8Array(window.width * window.height);
  for (let y = 0; y < window.height; y++) {
    const row = window.y + y;
    const size = sizeOf(row);
    const ray = {
      colsPerM: east / level / size.widthM,
      rowsPerM: -north / level / size.heightM,
      risePerM: up / level,
    };
    for (let x = 0; x < window.width; x++) {
      const col = window.x + x;
      const [partCol, partRow] = [col - dem.box.x, row - dem.box.y];
      const pixel = y * window.width + x;
      if (Number.isNaN(dem.heightsM[partRow * dem.box.width + partCol]!)) {
        out[pixel] = 255;
        continue;
      }
      if (kind !== "cast" && gatherNeighbours(dem, col, row, true, heights)) {
        const [riseEast, riseNorth] = gradient(heights, size, "horn");
        if (cosIncidence(riseEast, riseNorth, towardsSun) <= 0) out[pixel] = 1;
      }
      if (out[pixel] === 0 && blocks && isInCastShadow(dem, blocks, ray, partCol, partRow)) out[pixel] = 1;
    }
  }
  return out;
}

/** @throws GlofError `bad-argument` */
export function checkKind(kind: unknown): void {
  if (kind === "self" || kind === "cast" || kind === "both") return;
  throw new GlofError(
    "bad-argument",
    `shadowMask: expected the kind self, cast or both, got ${String(kind)}. Name one of them.`,
  );
}
