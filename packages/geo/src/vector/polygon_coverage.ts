import { mapToPixel } from "../grid.js";
import type { MultiPolygon, Polygon, RasterGrid } from "../types.js";
import type { HasGeometry } from "./has_geometry.js";

/** Rows that are worked on at once: memory is this many rows of doubles. */
const stripRows = 128;

/** An edge in pixels, top first; `sign` is +1 where it went down and -1 where it went up. */
interface Edge {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
  readonly sign: number;
}

/**
 * The share of each pixel that features cover, exactly, 0 to 1: the sum over a polygon's pixels times the pixel's area is
 * its area. Each edge adds what it cuts off to its right, row by row, and a running sum along the row gives the areas (the
 * accumulation buffer of font rasterisers). Features add up, to 1 at most, so shapes that overlap partly within a pixel
 * count twice there.
 *
 * @returns `height` rows of `width`
 * @throws GlofError `bad-geotransform` when the grid has no inverse
 */
export function polygonCoverage(features: readonly HasGeometry[], grid: RasterGrid): Float32Array {
  const { width, height } = grid;
  const coverage = new Float32Array(width * height);
  const strips: Edge[][] = Array.from({ length: Math.ceil(height / stripRows) }, () => []);
  for (const { geometry } of features) addEdges(strips, geometry, grid);
  const sums = new Float64Array((width + 2) * stripRows);
  strips.forEach((edges, strip) => {
    if (edges.length === 0) return;
    const top = strip * stripRows;
    const rows = Math.min(stripRows, height - top);
    sums.fill(0);
    for (const edge of edges) addEdge(sums, edge, top, rows, width);
    for (let row = 0; row < rows; row++) {
      let covered = 0;
      for (let col = 0; col < width; col++) {
        covered += sums[row * (width + 2) + col]!;
        // Sums of cut-off parts end within rounding of 0 and 1.
        const share = covered < 1e-12 ? 0 : covered > 1 - 1e-12 ? 1 : covered;
        coverage[(top + row) * width + col] = share;
      }
    }
  });
  return coverage;
}

function addEdges(strips: Edge[][], geometry: MultiPolygon, grid: RasterGrid): void {
  for (const { x0, y0, x1, y1, sign } of geometry.flatMap((polygon) => edgesOf(polygon, grid))) {
    const [low, high] = [Math.max(0, y0), Math.min(grid.height, y1)];
    if (!(low < high)) continue;
    const edge = { x0, y0, x1, y1, sign };
    const last = Math.min(strips.length - 1, Math.floor(high / stripRows));
    for (let strip = Math.floor(low / stripRows); strip <= last; strip++) strips[strip]!.push(edge);
  }
}

/** Edges of a polygon with its shore counted as positive and its holes as negative, whatever way their rings run. */
function edgesOf(polygon: Polygon, { geoTransform }: RasterGrid): Edge[] {
  return polygon.flatMap((ring, index) => {
    const corners = ring.map(([x, y]) => mapToPixel(geoTransform, x, y));
    const edges: Edge[] = [];
    let twiceArea = 0;
    corners.forEach(([x1, y1], at) => {
      const [x0, y0] = corners[at === 0 ? corners.length - 1 : at - 1]!;
      twiceArea +=
        (x0 - corners[0]![0]) * (y1 - corners[0]![1]) - (x1 - corners[0]![0]) * (y0 - corners[0]![1]);
      if (y0 < y1) edges.push({ x0, y0, x1, y1, sign: 1 });
      else if (y1 < y0) edges.push({ x0: x1, y0: y1, x1: x0, y1: y0, sign: -1 });
    });
    // What lies right of edges that go up is inside when the ring turns so that its area here is positive.
    const turn = (index === 0 ? -1 : 1) * Math.sign(twiceArea);
    return edges.map((edge) => ({ ...edge, sign: edge.sign * turn }));
  });
}

function addEdge(sums: Float64Array, edge: Edge, top: number, rows: number, width: number): void {
  const { x0, y0, x1, y1, sign } = edge;
  const slope = (x1 - x0) / (y1 - y0);
  const first = Math.max(0, Math.floor(y0) - top);
  const end = Math.min(rows, Math.ceil(y1) - top);
  for (let row = first; row < end; row++) {
    const from = Math.max(y0, top + row);
    const to = Math.min(y1, top + row + 1);
    if (!(from < to)) continue;
    const [a, b] = [x0 + (from - y0) * slope, x0 + (to - y0) * slope];
    addPiece(sums, row * (width + 2), Math.min(a, b), Math.max(a, b), sign * (to - from), width);
  }
}

/**
 * A piece of an edge within one row, from column `left` to `right`, `tall` high (signed): the pixels it passes get what
 * lies right of it in them, those further right all of it.
 */
function addPiece(
  sums: Float64Array,
  start: number,
  left: number,
  right: number,
  tall: number,
  width: number,
): void {
  if (left >= width) return;
  if (right <= 0) {
    sums[start]! += tall;
    return;
  }
  let [from, height] = [left, tall];
  if (left < 0) {
    // What runs left of the raster covers its row from the first pixel on.
    const outside = (tall * -left) / (right - left);
    sums[start]! += outside;
    [from, height] = [0, tall - outside];
  }
  const to = Math.min(right, width);
  const perColumn = right > from ? height / (right - from) : 0;
  const lastCol = Math.min(Math.max(Math.ceil(to) - 1, Math.floor(from)), width - 1);
  for (let col = Math.floor(from); col <= lastCol; col++) {
    const [enter, leave] = [Math.max(from, col), Math.min(to, col + 1)];
    const part = right > from ? perColumn * (leave - enter) : height;
    const middle = (enter + leave) / 2;
    sums[start + col]! += part * (col + 1 - middle);
    sums[start + col + 1]! += part * (middle - col);
  }
}
