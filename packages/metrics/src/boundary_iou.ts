import { checkLengths } from "./counts.js";

/** Options of `boundaryIou`. */
export interface BoundaryIouOptions {
  readonly width: number;
  readonly height: number;
  /** Thickness of the boundary as a share of the image's diagonal. Default 0.02. */
  readonly dilationRatio?: number;
}

/** What `boundaryIou` found. */
export interface BoundaryIou {
  /** NaN when neither mask has a boundary. */
  readonly iou: number;
  /** Pixels in both boundaries, and in either. */
  readonly intersection: number;
  readonly union: number;
}

/**
 * IoU of the boundary regions of two masks: it judges outlines where plain IoU is ruled by interiors (Cheng et al.
 * 2021, https://arxiv.org/abs/2103.16562; repository bowenc0221/boundary-iou-api).
 *
 * @param pred 1 inside; other values are outside
 * @throws GlofError `shape-mismatch`
 */
export function boundaryIou(
  pred: ArrayLike<number>,
  truth: ArrayLike<number>,
  { width, height, dilationRatio = 0.02 }: BoundaryIouOptions,
): BoundaryIou {
  checkLengths("boundaryIou", pred, truth);
  const thicknessPx = boundaryThickness(width, height, dilationRatio);
  const found = boundaryMask(pred, { width, height, thicknessPx });
  const real = boundaryMask(truth, { width, height, thicknessPx });
  let [intersection, union] = [0, 0];
  for (let index = 0; index < found.length; index++) {
    if (found[index] && real[index]) intersection++;
    if (found[index] || real[index]) union++;
  }
  return { iou: intersection / union, intersection, union };
}

/** Thickness in pixels for a share of the diagonal: at least 1, halves rounded to the even number. */
export function boundaryThickness(width: number, height: number, dilationRatio: number): number {
  const exact = dilationRatio * Math.hypot(width, height);
  const below = Math.floor(exact);
  const rounded = exact - below === 0.5 ? below + (below % 2) : Math.round(exact);
  return Math.max(1, rounded);
}

/**
 * Pixels of a mask within `thicknessPx` of what is outside it, by chessboard distance. What lies beyond the image is
 * outside.
 *
 * @param mask 1 inside
 * @throws GlofError `shape-mismatch`
 */
export function boundaryMask(
  mask: ArrayLike<number>,
  {
    width,
    height,
    thicknessPx,
  }: { readonly width: number; readonly height: number; readonly thicknessPx: number },
): Uint8Array {
  checkLengths("boundaryMask", mask, { length: width * height });
  const inside = Uint8Array.from(mask, (value) => (value === 1 ? 1 : 0));
  // A square window is a row of columns: deep in the rows, then deep in the columns of what is left.
  const rows = erodeLines(inside, { lines: height, length: width, lineStep: width, step: 1, thicknessPx });
  const core = erodeLines(rows, { lines: width, length: height, lineStep: 1, step: width, thicknessPx });
  return inside.map((value, index) => value - core[index]!);
}

interface Lines {
  readonly lines: number;
  readonly length: number;
  readonly lineStep: number;
  readonly step: number;
  readonly thicknessPx: number;
}

/** Keeps what has `thicknessPx` ones on either side along its line. */
function erodeLines(mask: Uint8Array, { lines, length, lineStep, step, thicknessPx }: Lines): Uint8Array {
  const kept = new Uint8Array(mask.length);
  for (let line = 0; line < lines; line++) {
    let run = 0;
    for (let place = 0; place < length; place++) {
      run = mask[line * lineStep + place * step] ? run + 1 : 0;
      if (run > 2 * thicknessPx) kept[line * lineStep + (place - thicknessPx) * step] = 1;
    }
  }
  return kept;
}
