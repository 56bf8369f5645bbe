import { GlofError } from "@glof/core";
import {
  azimuthOnGrid,
  type PixelWindow,
  type RasterSource,
  type ShadowOptions,
  type SunPosition,
  shadowRaster,
  warpedRaster,
  windowGrid,
} from "@glof/geo";
import type { Scene } from "../types.js";

/**
 * Where the sun stood over a scene: the mean of its metadata, the azimuth turned from true north to the grid's.
 *
 * @throws GlofError `unsupported-feature` where the product does not say; `bad-argument` for a sun below the horizon
 */
export function sceneSun(scene: Pick<Scene, "id" | "grid" | "product">): SunPosition {
  const sun = scene.product?.sun;
  if (sun === undefined) {
    throw new GlofError(
      "unsupported-feature",
      `sceneSun(${scene.id}): expected sun angles in the product's metadata, got none. Give shadowRaster the angles instead.`,
    );
  }
  const elevationDeg = 90 - sun.meanZenithDeg;
  if (elevationDeg > 0) return { azimuthDeg: azimuthOnGrid(sun.meanAzimuthDeg, scene.grid), elevationDeg };
  throw new GlofError(
    "bad-argument",
    `sceneSun(${scene.id}): expected a sun above the horizon, got a zenith angle of ${sun.meanZenithDeg}. Check the metadata.`,
  );
}

/** Options of `sceneShadow`. */
export interface SceneShadowOptions extends ShadowOptions {
  /** Default: `sceneSun(scene)`. */
  readonly sun?: SunPosition;
  /** How far beyond the scene relief is looked for, towards the sun, in the grid's unit. Default 15000 (metres), 0 in degrees. */
  readonly reach?: number;
}

/**
 * Terrain shadow on a scene's grid (`shadowRaster`: 1 in shadow, 0 lit, 255 unknown), from a DEM on any grid that has a CRS: it
 * is warped bilinearly to the scene's pixels and beyond its border towards the sun. `close` closes the DEM.
 *
 * @throws GlofError as `sceneSun`, `shadowRaster` and `warpedRaster`
 */
export function sceneShadow(
  scene: Pick<Scene, "id" | "grid" | "product">,
  dem: RasterSource,
  options: SceneShadowOptions = {},
): RasterSource {
  const { grid } = scene;
  const { sun = sceneSun(scene), reach = grid.crs?.geographic ? 0 : 15_000, kind } = options;
  const margins = marginsTo(sun, reach / grid.geoTransform[1]);
  const wide = windowGrid(grid, {
    x: -margins.left,
    y: -margins.top,
    width: grid.width + margins.left + margins.right,
    height: grid.height + margins.top + margins.bottom,
  });
  const shadow = shadowRaster(warpedRaster(dem, wide, { nodata: Number.NaN }), {
    sun,
    ...(kind && { kind }),
  });
  return {
    ...shadow,
    grid,
    readWindow: (window, readOptions) => shadow.readWindow(moved(window, margins), readOptions),
  };
}

interface Margins {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const moved = (window: PixelWindow, { left, top }: Margins): PixelWindow => ({
  ...window,
  x: window.x + left,
  y: window.y + top,
});

/** Pixels to add on each side, so that a ray of some length towards the sun stays inside. */
function marginsTo({ azimuthDeg }: SunPosition, reachPx: number): Margins {
  const azimuth = (azimuthDeg * Math.PI) / 180;
  const towards = (share: number): number => Math.ceil(Math.max(0, share) * reachPx);
  return {
    left: towards(-Math.sin(azimuth)),
    right: towards(Math.sin(azimuth)),
    top: towards(Math.cos(azimuth)),
    bottom: towards(-Math.cos(azimuth)),
  };
}
