import { type LakeOutline, mapToPixel, type RasterGrid, rasterizePolygons, windowGrid } from "@glof/geo";

/**
 * Sets the pixels of outlines to 0 in a strip of mask rows. The outlines run along pixel edges, so that exactly the
 * pixels they were traced from are hit.
 */
export function eraseOutlines(
  rows: Uint8Array,
  options: { grid: RasterGrid; y: number; rowCount: number; outlines: readonly LakeOutline[] },
): void {
  const { grid, y, rowCount, outlines } = options;
  for (const { polygon } of outlines) {
    const corners = polygon[0]!.map(([mapX, mapY]) => mapToPixel(grid.geoTransform, mapX, mapY));
    const columns = corners.map(([column]) => Math.round(column));
    const lines = corners.map(([, row]) => Math.round(row));
    const [left, right] = [Math.min(...columns), Math.max(...columns)];
    const [top, bottom] = [Math.max(y, Math.min(...lines)), Math.min(y + rowCount, Math.max(...lines))];
    if (top >= bottom) continue;
    const box = { x: left, y: top, width: right - left, height: bottom - top };
    const inside = rasterizePolygons([{ geometry: [polygon] }], windowGrid(grid, box));
    for (let pixel = 0; pixel < inside.length; pixel++) {
      if (inside[pixel] === 0) continue;
      const row = box.y - y + Math.floor(pixel / box.width);
      rows[row * grid.width + box.x + (pixel % box.width)] = 0;
    }
  }
}
