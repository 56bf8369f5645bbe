import { GlofError } from "@glof/core";
import { isNorthUp, isSameCrs, type PixelWindow, type RasterGrid } from "@glof/geo";

/** Fraction of a pixel by which two grids may be apart and still count as one. */
const toleratedPx = 1e-3;

/**
 * Checks that a raster lies on the Earth in the way scenes do: a CRS, north up, square to its axes.
 * @throws GlofError `missing-crs`, `bad-geotransform`
 */
export function checkSceneGrid(grid: RasterGrid, where: string): void {
  if (!grid.crs) {
    throw new GlofError(
      "missing-crs",
      `${where}: expected a coordinate reference system, got none in the file. ` +
        "Assign the right one first, for instance with gdal_edit.py -a_srs EPSG:32645.",
    );
  }
  if (isNorthUp(grid.geoTransform)) return;
  throw new GlofError(
    "bad-geotransform",
    `${where}: expected a north-up image, got the geotransform ${grid.geoTransform.join(", ")}. ` +
      "Warp it to a north-up grid first, for instance with gdalwarp.",
    { geoTransform: grid.geoTransform },
  );
}

/**
 * Pixels of `scene` along one side of a pixel of `layer`: 1 for equal grids, 2 for 20 m on a grid of 10 m, 0.5 for 10 m on
 * a grid of 20 m.
 * @throws GlofError `grid-mismatch` when CRS, origin, extent or the ratio of the pixel sizes do not fit
 */
export function gridRatio(scene: RasterGrid, layer: RasterGrid, where: string): number {
  const isFiner = layer.geoTransform[1] < scene.geoTransform[1] * (1 - toleratedPx);
  const [fine, coarse] = isFiner ? [layer, scene] : [scene, layer];
  const mismatch = findMismatch(fine, coarse);
  if (mismatch === undefined) {
    const ratio = Math.round(coarse.geoTransform[1] / fine.geoTransform[1]);
    return isFiner ? 1 / ratio : ratio;
  }
  throw new GlofError(
    "grid-mismatch",
    `${where}: expected all bands of a scene on grids that fit each other, got ${mismatch}. ` +
      "Bring the bands to one grid first, for instance with gdalwarp -tr -te -t_srs.",
    { fine: fine.geoTransform, coarse: coarse.geoTransform },
  );
}

/**
 * The grid of a scene over these grids: that of the finest, or its outline in pixels of `resolutionM`. Corners stay where
 * they are; where the last pixel of larger ones reaches past the border it counts.
 * @throws GlofError `bad-argument` for a CRS in degrees or pixels that do not divide each other
 */
export function chooseGrid(
  grids: readonly RasterGrid[],
  resolutionM: number | undefined,
  where: string,
): RasterGrid {
  const finest = grids.reduce((best, grid) => (grid.geoTransform[1] < best.geoTransform[1] ? grid : best));
  const pixel = finest.geoTransform[1];
  if (resolutionM === undefined || Math.abs(resolutionM - pixel) <= toleratedPx * pixel) return finest;
  const same = grids.find(
    (grid) => Math.abs(grid.geoTransform[1] - resolutionM) <= toleratedPx * resolutionM,
  );
  if (same) return same;
  const ratio = resolutionM > pixel ? resolutionM / pixel : pixel / resolutionM;
  if (finest.crs?.geographic || !(resolutionM > 0) || Math.abs(ratio - Math.round(ratio)) > 1e-6) {
    throw new GlofError(
      "bad-argument",
      `${where}: expected a resolution that divides or is a multiple of ${pixel} ` +
        `(${finest.crs?.geographic ? "degrees" : "metres"}), got ${resolutionM} m. Choose another, or none.`,
      { resolutionM, pixel },
    );
  }
  const [originX, , , originY, , pixelHeight] = finest.geoTransform;
  const size = (length: number): number =>
    resolutionM > pixel ? Math.ceil(length / Math.round(ratio)) : length * Math.round(ratio);
  const scale = resolutionM / pixel;
  return {
    crs: finest.crs,
    width: size(finest.width),
    height: size(finest.height),
    geoTransform: [originX, resolutionM, 0, originY, 0, pixelHeight * scale],
  };
}

function findMismatch(fine: RasterGrid, coarse: RasterGrid): string | undefined {
  if (!(fine.crs && coarse.crs && isSameCrs(fine.crs, coarse.crs))) {
    return `${fine.crs?.name ?? "no CRS"} beside ${coarse.crs?.name ?? "no CRS"}`;
  }
  const [fineX, fineWidth, , fineY, , fineHeight] = fine.geoTransform;
  const [coarseX, coarseWidth, , coarseY, , coarseHeight] = coarse.geoTransform;
  const ratio = Math.round(coarseWidth / fineWidth);
  const drift = (exact: number, pixels: number): boolean =>
    Math.abs(exact - ratio) * pixels > toleratedPx * ratio;
  if (
    ratio < 1 ||
    drift(coarseWidth / fineWidth, fine.width) ||
    drift(coarseHeight / fineHeight, fine.height)
  ) {
    return `pixels of ${fineWidth} x ${-fineHeight} beside pixels of ${coarseWidth} x ${-coarseHeight}`;
  }
  if (
    Math.abs(coarseX - fineX) > toleratedPx * fineWidth ||
    Math.abs(coarseY - fineY) > -toleratedPx * fineHeight
  ) {
    return `upper left corners at ${fineX}, ${fineY} and at ${coarseX}, ${coarseY}`;
  }
  if (coarse.width !== Math.ceil(fine.width / ratio) || coarse.height !== Math.ceil(fine.height / ratio)) {
    return `${fine.width} x ${fine.height} pixels beside ${coarse.width} x ${coarse.height} that are ${ratio} times as large`;
  }
  return undefined;
}

/**
 * Checks that a window is whole pixels inside the grid.
 * @throws GlofError `bad-argument`
 */
export function checkWindow(window: PixelWindow, grid: RasterGrid, where: string): void {
  const { x, y, width, height } = window;
  const whole = [x, y, width, height].every(Number.isSafeInteger);
  const inside = x >= 0 && y >= 0 && width >= 1 && height >= 1;
  if (whole && inside && x + width <= grid.width && y + height <= grid.height) return;
  throw new GlofError(
    "bad-argument",
    `${where}: expected a window inside ${grid.width} x ${grid.height} pixels, got x ${x}, y ${y}, ` +
      `${width} x ${height}. Clip it first.`,
    { window },
  );
}
