import { GlofError } from "@glof/core";
import type { Polygon, Position, Ring } from "../types.js";

/** Options of `smoothOutline`. */
export interface SmoothOutlineOptions {
  /** Times that every corner is cut; each doubles the number of positions. 0 to 8. Default 2. */
  readonly iterations?: number;
}

/**
 * An outline with its corners cut (Chaikin 1974, "An algorithm for high-speed curve generation"): each edge keeps its
 * middle half, so the steps of pixels become a soft line. For pictures only. The smoothed shape is smaller where the shore
 * bulges and larger where it bends in, and neighbours no longer share their edges: never measure it, and never write it
 * where someone may measure it.
 *
 * @param polygon closed rings in any CRS
 * @returns closed rings in the same order and direction; those of fewer than three corners as they are
 * @throws GlofError `bad-argument` for other iterations
 */
export function smoothOutline(polygon: Polygon, options: SmoothOutlineOptions = {}): Polygon {
  const { iterations = 2 } = options;
  if (!(Number.isInteger(iterations) && iterations >= 0 && iterations <= 8)) {
    throw new GlofError(
      "bad-argument",
      `smoothOutline: expected 0 to 8 iterations, got ${iterations}. Give a small whole number.`,
    );
  }
  return polygon.map((ring) => {
    let smooth = ring;
    for (let pass = 0; pass < iterations; pass++) smooth = cutCorners(smooth);
    return smooth;
  });
}

function cutCorners(ring: Ring): Ring {
  if (ring.length < 4) return ring;
  const cut: Position[] = [];
  for (let index = 1; index < ring.length; index++) {
    const [[x0, y0], [x1, y1]] = [ring[index - 1]!, ring[index]!];
    cut.push([0.75 * x0 + 0.25 * x1, 0.75 * y0 + 0.25 * y1], [0.25 * x0 + 0.75 * x1, 0.25 * y0 + 0.75 * y1]);
  }
  cut.push(cut[0]!);
  return cut;
}
