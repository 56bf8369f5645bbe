import { pixelToMap } from "../grid.js";
import type { RasterGrid } from "../types.js";
import { WGS84 } from "./crs.js";
import { projector } from "./projector.js";

/** West, south, east, north in degrees; east is below west for what crosses the antimeridian. */
export type LonLatBounds = readonly [west: number, south: number, east: number, north: number];

/** Points along each side: edges that are straight in the CRS bulge in degrees. */
const steps = Array.from({ length: 9 }, (_, step) => step / 8);

/**
 * The rectangle of longitudes and latitudes around a raster, by points on its rim.
 *
 * @returns `undefined` for a grid without CRS, or that its CRS cannot show on the Earth
 */
export function lonLatBounds({ width, height, geoTransform, crs }: RasterGrid): LonLatBounds | undefined {
  if (crs === undefined) return undefined;
  const toLonLat = projector(crs, WGS84);
  const shares = steps.flatMap((share) => [
    [share, 0],
    [share, 1],
    [0, share],
    [1, share],
  ]);
  try {
    const rim = shares.map(([right, down]) =>
      toLonLat(pixelToMap(geoTransform, right! * width, down! * height)),
    );
    const first = rim[0]![0];
    const lons = rim.map(([lon]) => lon - 360 * Math.round((lon - first) / 360));
    const lats = rim.map(([, lat]) => lat);
    const wrap = (lon: number): number => (Math.abs(lon) <= 180 ? lon : lon - 360 * Math.round(lon / 360));
    return [wrap(Math.min(...lons)), Math.min(...lats), wrap(Math.max(...lons)), Math.max(...lats)];
  } catch {
    // A projection that cannot show its own raster: there are no degrees to tell.
    return undefined;
  }
}
