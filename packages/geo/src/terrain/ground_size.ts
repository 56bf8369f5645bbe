import { GlofError } from "@glof/core";
import { isNorthUp } from "../grid.js";
import type { RasterGrid } from "../types.js";

/** Size of a pixel on the ground, metres. */
export interface GroundSize {
  readonly widthM: number;
  readonly heightM: number;
}

/** Semi-major axis and squared eccentricity of WGS 84. */
const axisM = 6_378_137;
const eccentricity2 = 0.00669437999014;

/**
 * Size of the pixels of a row on the ground. In degrees it is that of WGS 84 at the latitude of the row's middle: radius of
 * the meridian along columns, of the parallel along rows. Otherwise the CRS's unit is taken for metres.
 *
 * @throws GlofError `bad-geotransform` for a grid that is not north-up; `bad-argument` for rows beyond a pole
 */
export function groundSize(grid: RasterGrid, where: string): (row: number) => GroundSize {
  const { geoTransform, crs } = grid;
  if (!isNorthUp(geoTransform)) {
    throw new GlofError(
      "bad-geotransform",
      `${where}: expected a north-up grid, got the geotransform ${geoTransform.join(", ")}. Warp the DEM first.`,
      { geoTransform },
    );
  }
  const [, width, , top, , height] = geoTransform;
  if (!crs?.geographic) return () => ({ widthM: width, heightM: -height });
  const bottom = top + grid.height * height;
  if (!(top <= 90 + 1e-9 && bottom >= -90 - 1e-9)) {
    throw new GlofError(
      "bad-argument",
      `${where}: expected latitudes from -90 to 90, got rows from ${top} to ${bottom}. Check the geotransform.`,
    );
  }
  const degree = Math.PI / 180;
  return (row) => {
    const latitude = (top + (row + 0.5) * height) * degree;
    const flattened = 1 - eccentricity2 * Math.sin(latitude) ** 2;
    const parallelM = (axisM * Math.cos(latitude)) / Math.sqrt(flattened);
    const meridianM = (axisM * (1 - eccentricity2)) / flattened ** 1.5;
    return { widthM: width * degree * parallelM, heightM: -height * degree * meridianM };
  };
}
