import {
  type LakeOutline,
  mapToPixel,
  type PixelWindow,
  type RasterGrid,
  rasterizePolygons,
  windowGrid,
} from "@glof/geo";

/** An outline with the pixels it lies in. */
export interface BoxedOutline {
  readonly outline: LakeOutline;
  readonly box: PixelWindow;
}

/** Finds the pixels that outlines lie in: once, as a map is gone through strip by strip. */
export function boxOutlines(outlines: readonly LakeOutline[], grid: RasterGrid): BoxedOutline[] {
  return outlines.map((outline) => {
    let [left, top] = [grid.width, grid.height];
    let [right, bottom] = [0, 0];
    for (const [mapX, mapY] of outline.polygon[0]!) {
      const [column, row] = mapToPixel(grid.geoTransform, mapX, mapY);
      left = Math.min(left, Math.round(column));
      right = Math.max(right, Math.round(column));
      top = Math.min(top, Math.round(row));
      bottom = Math.max(bottom, Math.round(row));
    }
    return { outline, box: { x: left, y: top, width: right - left, height: bottom - top } };
  });
}

/**
 * Sets the pixels of outlines to 0 in a strip of mask rows. The outlines run along pixel edges, so that exactly the
 * pixels they were traced from are hit.
 */
export function eraseOutlines(
  rows: Uint8Array,
  options: { grid: RasterGrid; y: number; rowCount: number; outlines: readonly BoxedOutline[] },
): void {
  const { grid, y, rowCount, outlines } = options;
  for (const { outline, box } of outlines) {
    const top = Math.max(y, box.y);
    const bottom = Math.min(y + rowCount, box.y + box.height);
    if (top >= bottom) continue;
    const part = { ...box, y: top, height: bottom - top };
    const inside = rasterizePolygons([{ geometry: [outline.polygon] }], windowGrid(grid, part));
    for (let pixel = 0; pixel < inside.length; pixel++) {
      if (inside[pixel] === 0) continue;
      const row = top - y + Math.floor(pixel / part.width);
      rows[row * grid.width + part.x + (pixel % part.width)] = 0;
    }
  }
}
