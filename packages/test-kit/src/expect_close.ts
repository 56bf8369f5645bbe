import * as tf from "@tensorflow/tfjs-core";
import { expect } from "vitest";
import { type Tolerance, toleranceHere, tolerances } from "./tolerances.js";

/** Numbers as a test has them at hand. A tensor is read with `data()` and stays the caller's. */
export type Values = tf.Tensor | ArrayLike<number> | number;

/** The element of a comparison that is furthest outside (or nearest to) its tolerance. */
export interface Worst {
  readonly index: number;
  readonly got: number;
  readonly want: number;
  /** `|got - want| / (atol + rtol * |want|)`: above 1 it fails. */
  readonly ratio: number;
}

/**
 * Fails unless `|got - want| <= atol + rtol * |want|` for every element; NaN and infinities must match as themselves.
 * On WebGPU the absolute part counts ten times. Two tensors must also agree in shape.
 *
 * @param tolerance default `tolerances.product`
 */
export async function expectClose(
  got: Values,
  want: Values,
  tolerance: Tolerance = tolerances.product,
): Promise<void> {
  if (got instanceof tf.Tensor && want instanceof tf.Tensor) expect(got.shape).toEqual(want.shape);
  const gotValues = await toArray(got);
  const wantValues = await toArray(want);
  expect(gotValues.length, "number of elements").toBe(wantValues.length);
  const allowed = toleranceHere(tolerance);
  const worst = findWorst(gotValues, wantValues, allowed);
  if (worst && !(worst.ratio <= 1)) {
    const at = got instanceof tf.Tensor ? `[${indexToLoc(worst.index, got.shape).join(", ")}]` : worst.index;
    expect.fail(
      `element ${at}: got ${worst.got}, want ${worst.want}, off by ${Math.abs(worst.got - worst.want)}, ` +
        `which is ${worst.ratio.toPrecision(3)} x the tolerance (atol ${allowed.atol}, rtol ${allowed.rtol})`,
    );
  }
}

/** The worst element of a comparison; `undefined` for no elements. */
export function findWorst(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  { atol, rtol }: Tolerance,
): Worst | undefined {
  let worst: Worst | undefined;
  for (let index = 0; index < want.length; index++) {
    const ratio = elementRatio(got[index]!, want[index]!, atol, rtol);
    if (!worst || ratio > worst.ratio) worst = { index, got: got[index]!, want: want[index]!, ratio };
  }
  return worst;
}

function elementRatio(got: number, want: number, atol: number, rtol: number): number {
  if (Object.is(got, want) || got === want) return 0;
  // A NaN or an infinity on one side only can never be close.
  if (!Number.isFinite(got) || !Number.isFinite(want)) return Number.POSITIVE_INFINITY;
  const off = Math.abs(got - want);
  return off === 0 ? 0 : off / (atol + rtol * Math.abs(want));
}

async function toArray(values: Values): Promise<ArrayLike<number>> {
  if (values instanceof tf.Tensor) return (await values.data()) as ArrayLike<number>;
  return typeof values === "number" ? [values] : values;
}

function indexToLoc(index: number, shape: readonly number[]): number[] {
  let rest = index;
  return shape
    .map((_, axis) => {
      const size = shape[shape.length - 1 - axis]!;
      const at = rest % size;
      rest = Math.floor(rest / size);
      return at;
    })
    .reverse();
}
