import { isForwardOnly } from "./half_precision.js";
import { fitsHalves } from "./half_storage.js";

let inForce = false;

/** Whether weights for prediction, and results that a caller names `compact`, are to be kept as halves. */
export function isHalfStorageInForce(): boolean {
  return inForce;
}

/** Only `useWebgpuPrecision` calls it. */
export function setHalfStorageInForce(wanted: boolean): void {
  inForce = wanted;
}

/**
 * Whether a kernel keeps its result as halves: the caller named it `compact`, precision "f16" is in force, and nothing records
 * for a gradient.
 */
export function keepsHalves(
  attributes: Readonly<Record<string, unknown>>,
  shape: readonly number[],
): boolean {
  return inForce && attributes.compact === true && isForwardOnly() && fitsHalves(shape);
}
