import { GlofError } from "@glof/core";
import { areasOnGrid, type HasGeometry, type PixelWindow } from "@glof/geo";
import type { Scene } from "../types.js";

/** A part of a scene that is written or looked at. */
export interface ScenePart {
  /** In pixels of the scene's grid. */
  readonly window: PixelWindow;
  /** For rows of the window, `y` from its top: 1 for pixels that belong to the part. Absent: all do. */
  readonly insideRows?: (y: number, rowCount: number) => Uint8Array;
}

/** The whole scene. */
export function wholePart({ grid }: Pick<Scene, "grid">): ScenePart {
  return { window: { x: 0, y: 0, width: grid.width, height: grid.height } };
}

/**
 * The part of a scene inside areas: their bounding box, and in it the pixels whose centre lies in an area.
 *
 * @param areas polygons in WGS 84 longitude and latitude
 * @param options.box keep all of the bounding box. Default false
 * @throws GlofError `bad-argument` when no area touches the scene
 */
export function partInside(
  { grid, id }: Pick<Scene, "grid" | "id">,
  areas: readonly HasGeometry[],
  options: { readonly box?: boolean } = {},
): ScenePart {
  const laid = areasOnGrid(areas, grid);
  if (laid === undefined) {
    throw new GlofError(
      "bad-argument",
      `partInside: expected areas that touch ${id}, got none that does. Check that their coordinates are longitude, latitude.`,
      { id },
    );
  }
  return options.box ? { window: laid.window } : { window: laid.window, insideRows: laid.insideRows };
}

/** Most rows of a strip: a file of one tall block is read in pieces all the same. */
const mostRows = 1024;
const leastRows = 256;

/** Windows of a part from its top, of whole rows of the files' blocks where that is not too much. */
export function partStrips({ blockRows }: Pick<Scene, "blockRows">, { window }: ScenePart): PixelWindow[] {
  const block = Math.min(blockRows, mostRows);
  const rows = block * Math.max(1, Math.floor(leastRows / block));
  const strips: PixelWindow[] = [];
  for (let y = window.y; y < window.y + window.height; ) {
    // A part may begin inside a block: the first strip ends with it.
    const end = Math.min(window.y + window.height, (Math.floor(y / rows) + 1) * rows);
    strips.push({ x: window.x, y, width: window.width, height: end - y });
    y = end;
  }
  return strips;
}
