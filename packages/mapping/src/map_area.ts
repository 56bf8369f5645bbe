import { GlofError } from "@glof/core";
import { areasOnGrid, type Feature, type PixelWindow, type RasterGrid, windowGrid } from "@glof/geo";
import type { Scene } from "@glof/sentinel2";

/** The part of a scene that is mapped. */
export interface MapArea {
  /** What the model reads: the mapped part and some surroundings. Its `close` does nothing. */
  readonly scene: Scene;
  /** The mapped part, in pixels of `scene`. */
  readonly window: PixelWindow;
  /** Grid of the mapped part. */
  readonly grid: RasterGrid;
  /** 1 for the pixels of the mapped part's rows whose centre lies in an area of interest; `undefined` means all. */
  insideRows(y: number, rowCount: number): Uint8Array | undefined;
}

/** Surroundings of an area of interest that the model gets to see: lakes at its rim are not judged out of context. */
const CONTEXT_PX = 128;

/** The whole of a scene. */
export function wholeScene(scene: Scene): MapArea {
  const { grid } = scene;
  const window = { x: 0, y: 0, width: grid.width, height: grid.height };
  return { scene: { ...scene, close: async () => {} }, window, grid, insideRows: () => undefined };
}

/**
 * The part of a scene inside areas of interest: the products' grid is their bounding box, clipped to the scene. Pixels
 * farther than `CONTEXT_PX` from every area count as no data for the model, so that tiles there are not run.
 *
 * @param areas outlines in WGS 84 longitude and latitude
 * @throws GlofError `bad-argument` when no area touches the scene
 */
export function cutToAreas(scene: Scene, areas: readonly Feature[]): MapArea {
  const whole = { x: 0, y: 0, width: scene.grid.width, height: scene.grid.height };
  const laid = areasOnGrid(areas, scene.grid);
  if (laid === undefined) {
    throw new GlofError(
      "bad-argument",
      `mapScene: expected areas of interest that touch ${scene.id}, got none that does. Check that their coordinates are longitude, latitude.`,
    );
  }
  const { window: inner, boxes } = laid;
  const outer = intersection(grown(inner, CONTEXT_PX), whole)!;
  const grid = windowGrid(scene.grid, inner);
  const seen = boxes.map((box) => grown(box, CONTEXT_PX));
  return {
    scene: viewOf(scene, outer, seen),
    window: { ...inner, x: inner.x - outer.x, y: inner.y - outer.y },
    grid,
    insideRows: laid.insideRows,
  };
}

/** A window of a scene in which pixels outside all `seen` boxes (of the scene) hold no data. */
function viewOf(scene: Scene, window: PixelWindow, seen: readonly PixelWindow[]): Scene {
  // Layers beside the bands are of the whole scene's grid, and mapping has no use for them.
  const { classification: _classes, cloudProbability: _clouds, ...rest } = scene;
  return {
    ...rest,
    grid: windowGrid(scene.grid, window),
    readReflectance: async (inner, bands, options) => {
      const from = { ...inner, x: inner.x + window.x, y: inner.y + window.y };
      const { bandsRefl, validMask } = await scene.readReflectance(from, bands, options);
      const near = nearMask(seen, from, options?.outputSize ?? [from.height, from.width]);
      return {
        bandsRefl: bandsRefl.map((refl) => refl.map((value, pixel) => (near[pixel] === 1 ? value : 0))),
        validMask: validMask.map((valid, pixel) => valid & near[pixel]!),
      };
    },
    close: async () => {},
  };
}

/** 1 for the pixels of a window, read at any size, whose centre lies in one of the boxes. */
function nearMask(
  boxes: readonly PixelWindow[],
  from: PixelWindow,
  [rows, cols]: readonly [rows: number, cols: number],
): Uint8Array {
  const near = new Uint8Array(rows * cols);
  const firstIn = (edge: number, start: number, length: number, count: number): number =>
    Math.min(count, Math.max(0, Math.ceil(((edge - start) * count) / length - 0.5)));
  for (const { x, y, width, height } of boxes) {
    const [left, right] = [x, x + width].map((edge) => firstIn(edge, from.x, from.width, cols));
    const [top, bottom] = [y, y + height].map((edge) => firstIn(edge, from.y, from.height, rows));
    for (let row = top!; row < bottom!; row++) near.fill(1, row * cols + left!, row * cols + right!);
  }
  return near;
}

function intersection(a: PixelWindow, b: PixelWindow): PixelWindow | undefined {
  const [x, y] = [Math.max(a.x, b.x), Math.max(a.y, b.y)];
  const width = Math.min(a.x + a.width, b.x + b.width) - x;
  const height = Math.min(a.y + a.height, b.y + b.height) - y;
  return width > 0 && height > 0 ? { x, y, width, height } : undefined;
}

const grown = (box: PixelWindow, byPx: number): PixelWindow => ({
  x: box.x - byPx,
  y: box.y - byPx,
  width: box.width + 2 * byPx,
  height: box.height + 2 * byPx,
});
