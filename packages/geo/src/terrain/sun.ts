import { GlofError } from "@glof/core";
import { WGS84 } from "../crs/crs.js";
import { projector } from "../crs/projector.js";
import { pixelToMap } from "../grid.js";
import type { RasterGrid } from "../types.js";
import type { SunVector } from "./feature_formulas.js";

/** Where the sun stands. */
export interface SunPosition {
  /** Clockwise from the grid's north. Metadata of scenes counts from true north: see `azimuthOnGrid`. */
  readonly azimuthDeg: number;
  /** Above the horizon, above 0 to 90. Scenes state the zenith angle: 90 less that. */
  readonly elevationDeg: number;
}

/** The unit vector to the sun. @throws GlofError `bad-argument` for a sun at or below the horizon */
export function sunVector({ azimuthDeg, elevationDeg }: SunPosition, where: string): SunVector {
  if (!Number.isFinite(azimuthDeg) || !(elevationDeg > 0 && elevationDeg <= 90)) {
    throw new GlofError(
      "bad-argument",
      `${where}: expected a sun above the horizon (elevation above 0 to 90 degrees), got azimuth ${azimuthDeg}, ` +
        `elevation ${elevationDeg}. The elevation is 90 less the zenith angle.`,
      { azimuthDeg, elevationDeg },
    );
  }
  const [azimuth, elevation] = [(azimuthDeg * Math.PI) / 180, (elevationDeg * Math.PI) / 180];
  const level = elevationDeg === 90 ? 0 : Math.cos(elevation);
  return [exact(Math.sin(azimuth)) * level, exact(Math.cos(azimuth)) * level, Math.sin(elevation)];
}

/** Sines of whole right angles without the rest of π: a sun due south shines along columns. */
const exact = (value: number): number => (Math.abs(value) < 1e-12 ? 0 : value);

/**
 * An azimuth from true north as one from the grid's north, at a pixel (default the middle): in a UTM zone they differ by the
 * convergence of the meridians, up to a few degrees. Grids in degrees, and those without a CRS, have true north.
 *
 * @throws GlofError `unsupported-feature`, `bad-argument` when the CRS cannot be projected there
 */
export function azimuthOnGrid(
  azimuthDeg: number,
  grid: RasterGrid,
  at: readonly [col: number, row: number] = [grid.width / 2, grid.height / 2],
): number {
  if (!grid.crs || grid.crs.geographic) return azimuthDeg;
  const place = pixelToMap(grid.geoTransform, at[0], at[1]);
  const [longitude, latitude] = projector(grid.crs, WGS84)(place);
  const step = latitude > 89.9 ? -1e-4 : 1e-4;
  const north = projector(WGS84, grid.crs)([longitude, latitude + step]);
  const [east, up] = [(north[0] - place[0]) * Math.sign(step), (north[1] - place[1]) * Math.sign(step)];
  const turned = azimuthDeg + (Math.atan2(east, up) * 180) / Math.PI;
  return ((turned % 360) + 360) % 360;
}
