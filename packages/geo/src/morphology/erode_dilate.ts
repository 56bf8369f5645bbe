import { GlofError } from "@glof/core";
import { checkMaskSize } from "../outline/label_components.js";

/** Options of `erode`, `dilate`, `openMask` and `closeMask`. */
export interface MorphologyOptions {
  /** 3 x 3 neighbourhood: all eight (`"square"`) or the four that share an edge (`"cross"`, the default). */
  readonly element?: "square" | "cross";
  /** How often it is applied, default 1: a square then reaches that many pixels every way, a cross makes a diamond. */
  readonly iterations?: number;
}

/**
 * Shrinks regions: a one stays where all its neighbours are ones. Beyond the raster's edge nothing is known, so regions do
 * not shrink from there. The result is 1 or 0.
 *
 * @param mask `height` rows of `width`; 1 is inside, anything else is not
 * @throws GlofError `shape-mismatch`, `bad-argument`
 */
export function erode(
  mask: Uint8Array,
  width: number,
  height: number,
  options: MorphologyOptions = {},
): Uint8Array {
  // Growing what is outside is the same, and the raster's edge then adds nothing either.
  const outside = mask.map((value) => (value === 1 ? 0 : 1));
  return grow("erode", outside, width, height, options).map((value) => 1 - value);
}

/**
 * Grows regions: a pixel becomes one where it or a neighbour is one. The result is 1 or 0.
 *
 * @param mask `height` rows of `width`; 1 is inside, anything else is not
 * @throws GlofError `shape-mismatch`, `bad-argument`
 */
export function dilate(
  mask: Uint8Array,
  width: number,
  height: number,
  options: MorphologyOptions = {},
): Uint8Array {
  const inside = mask.map((value) => (value === 1 ? 1 : 0));
  return grow("dilate", inside, width, height, options);
}

/** `erode`, then `dilate`: takes away what is thinner than the element. */
export function openMask(
  mask: Uint8Array,
  width: number,
  height: number,
  options: MorphologyOptions = {},
): Uint8Array {
  return dilate(erode(mask, width, height, options), width, height, options);
}

/** `dilate`, then `erode`: closes gaps narrower than the element. */
export function closeMask(
  mask: Uint8Array,
  width: number,
  height: number,
  options: MorphologyOptions = {},
): Uint8Array {
  return erode(dilate(mask, width, height, options), width, height, options);
}

function grow(
  where: string,
  ones: Uint8Array,
  width: number,
  height: number,
  options: MorphologyOptions,
): Uint8Array {
  const { element = "cross", iterations = 1 } = options;
  checkMaskSize(where, ones, width, height);
  if (!(Number.isInteger(iterations) && iterations >= 0)) {
    throw new GlofError(
      "bad-argument",
      `${where}: expected iterations of 0, 1, 2, …, got ${iterations}. Count whole steps.`,
    );
  }
  let current = ones;
  for (let step = 0; step < iterations; step++) {
    const sideways = growAlong(current, width, height, "rows");
    // A square is a row element after a column element; a cross takes both of the same start.
    const upright = growAlong(element === "square" ? sideways : current, width, height, "columns");
    current = element === "square" ? upright : upright.map((value, index) => value | sideways[index]!);
  }
  return current;
}

/** Each pixel or its two neighbours along its row or its column. */
function growAlong(ones: Uint8Array, width: number, height: number, along: "rows" | "columns"): Uint8Array {
  const grown = ones.slice();
  const isRow = along === "rows";
  const stride = isRow ? 1 : width;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const index = y * width + x;
      if (ones[index] === 0) continue;
      if (isRow ? x > 0 : y > 0) grown[index - stride] = 1;
      if (isRow ? x < width - 1 : y < height - 1) grown[index + stride] = 1;
    }
  }
  return grown;
}
