import type { PixelWindow } from "@glof/geo";
import { classReasons, type ValidityPolicy } from "./policy.js";
import { INVALID_REASONS } from "./reasons.js";

/** Adds the reasons that classes and cloud probability give for pixels of one size. */
export function addClassReasons(
  reasons: Uint8Array,
  policy: ValidityPolicy,
  classes: Uint8Array | undefined,
  cloudPercent: Uint8Array | undefined,
): void {
  if (classes) {
    const reasonOf = classReasons(policy);
    for (let pixel = 0; pixel < reasons.length; pixel++) reasons[pixel]! |= reasonOf[classes[pixel]!]!;
  }
  const most = policy.maxCloudProbability;
  if (cloudPercent && most !== undefined) {
    for (let pixel = 0; pixel < reasons.length; pixel++) {
      if (cloudPercent[pixel]! > most) reasons[pixel]! |= INVALID_REASONS.cloud;
    }
  }
}

/** A window with a margin around it, inside a grid. */
export function padWindow(
  { x, y, width, height }: PixelWindow,
  margin: number,
  grid: { readonly width: number; readonly height: number },
): PixelWindow {
  const left = Math.max(0, x - margin);
  const top = Math.max(0, y - margin);
  return {
    x: left,
    y: top,
    width: Math.min(grid.width, x + width + margin) - left,
    height: Math.min(grid.height, y + height + margin) - top,
  };
}

/**
 * Marks as `outside` what lies within `margin` rows and columns of a pixel without data. Runs along rows, then along
 * columns: the square neighbourhood is their product.
 *
 * @param reasons of a window that is padded by `margin`; changed in place
 */
export function addEdgeReasons(reasons: Uint8Array, width: number, margin: number): void {
  const empty = reasons.map((reason) => reason & (INVALID_REASONS.noData | INVALID_REASONS.nonFinite));
  const height = reasons.length / width;
  const alongRows = spread(empty, height, width, width, 1, margin);
  const near = spread(alongRows, width, height, 1, width, margin);
  for (let pixel = 0; pixel < reasons.length; pixel++) {
    if (near[pixel] !== 0 && empty[pixel] === 0) reasons[pixel]! |= INVALID_REASONS.outside;
  }
}

/** Marks the neighbours, up to `margin` away along lines of `length` pixels, of pixels that are not 0. */
function spread(
  values: Uint8Array,
  lines: number,
  length: number,
  lineStep: number,
  step: number,
  margin: number,
): Uint8Array {
  const out = new Uint8Array(values.length);
  for (let line = 0; line < lines; line++) {
    let last = Number.NEGATIVE_INFINITY;
    let next = Number.POSITIVE_INFINITY;
    for (let at = 0; at < length; at++) {
      const pixel = line * lineStep + at * step;
      if (values[pixel] !== 0) last = at;
      if (at - last <= margin) out[pixel] = 1;
      // The same backwards, on the mirrored place of the line.
      const back = length - 1 - at;
      const mirrored = line * lineStep + back * step;
      if (values[mirrored] !== 0) next = back;
      if (next - back <= margin) out[mirrored] = 1;
    }
  }
  return out;
}
