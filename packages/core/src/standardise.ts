/** How the numbers of one band are brought to where a model wants them. */
export interface BandScaling {
  readonly mean: number;
  /** Above 0. */
  readonly std: number;
  /** Numbers are clipped to this first. Default: not clipped. */
  readonly clip?: readonly [low: number, high: number] | undefined;
}

/** Where the numbers of one band lie in an array: the first at `start`, each further one `stride` later. */
export interface BandPlace<Values> {
  readonly values: Values;
  readonly start: number;
  readonly stride: number;
}

/**
 * `(clip(x) - mean) / std` of one band, from one array into another. What is not a number or not valid becomes 0, the
 * band's mean: the least surprising thing a model can see there. Training and prediction both go through here, so that a
 * model sees in use exactly what it learned from.
 *
 * @param from of `count` numbers
 * @param to may be the same place
 * @param validMask one number per value, 0 = not valid; `undefined`: all are
 */
export function standardiseBand(
  from: BandPlace<Float32Array>,
  to: BandPlace<Float32Array>,
  count: number,
  { mean, std, clip = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] }: BandScaling,
  validMask?: Uint8Array,
): void {
  const [low, high] = clip;
  const perStd = 1 / std;
  const [source, target] = [from.values, to.values];
  const { stride } = from;
  const step = to.stride;
  let [at, out] = [from.start, to.start];
  // Comparisons, not Math.min and Math.max, which look at the sign of zero: this runs over every number of a scene.
  for (let index = 0; index < count; index++, at += stride, out += step) {
    let value = source[at]!;
    const isUsable = !Number.isNaN(value) && (validMask === undefined || validMask[index] !== 0);
    if (value < low) value = low;
    else if (value > high) value = high;
    target[out] = isUsable ? (value - mean) * perStd : 0;
  }
}
