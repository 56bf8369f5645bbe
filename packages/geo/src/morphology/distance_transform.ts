import { checkMaskSize } from "../outline/label_components.js";

/**
 * Exact Euclidean distance, in pixels, from the centre of each one to the centre of the nearest pixel that is not one;
 * 0 outside, infinite where all is inside. Lower envelopes of parabolas, columns first (Felzenszwalb and Huttenlocher
 * 2012, "Distance transforms of sampled functions").
 *
 * @param mask `height` rows of `width`; 1 is inside, anything else is not
 * @throws GlofError `shape-mismatch`
 */
export function distanceTransform(mask: Uint8Array, width: number, height: number): Float32Array {
  checkMaskSize("distanceTransform", mask, width, height);
  const rows = columnDistances(mask, width, height);
  const distances = new Float32Array(width * height);
  const squares = new Float64Array(width);
  const envelope = createEnvelope(width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) squares[x] = rows[y * width + x]! ** 2;
    lowerEnvelope(squares, envelope, (x, square) => {
      distances[y * width + x] = Math.sqrt(square);
    });
  }
  return distances;
}

/** Distance to the nearest outside pixel of the same column. */
function columnDistances(mask: Uint8Array, width: number, height: number): Float64Array {
  const distances = new Float64Array(width * height);
  const along = (from: number, to: number, step: number): void => {
    for (let x = 0; x < width; x++) {
      let distance = Number.POSITIVE_INFINITY;
      for (let y = from; y !== to; y += step) {
        const index = y * width + x;
        distance = mask[index] === 1 ? distance + 1 : 0;
        distances[index] = step === 1 ? distance : Math.min(distance, distances[index]!);
      }
    }
  };
  along(0, height, 1);
  along(height - 1, -1, -1);
  return distances;
}

interface Envelope {
  /** Places of the parabolas of the envelope, and where each begins to be the lowest. */
  readonly places: Int32Array;
  readonly starts: Float64Array;
}

const createEnvelope = (width: number): Envelope => ({
  places: new Int32Array(width),
  starts: new Float64Array(width + 1),
});

/** Smallest of (x - p)^2 + squares[p] over all p, for each x. */
function lowerEnvelope(
  squares: Float64Array,
  { places, starts }: Envelope,
  emit: (x: number, square: number) => void,
): void {
  let count = 0;
  for (let place = 0; place < squares.length; place++) {
    const height = squares[place]!;
    if (height === Number.POSITIVE_INFINITY) continue;
    let start = Number.NEGATIVE_INFINITY;
    while (count > 0) {
      const last = places[count - 1]!;
      start = (height + place * place - (squares[last]! + last * last)) / (2 * (place - last));
      if (start > starts[count - 1]!) break;
      count--;
      start = Number.NEGATIVE_INFINITY;
    }
    places[count] = place;
    starts[count] = start;
    count++;
  }
  let at = 0;
  for (let x = 0; x < squares.length; x++) {
    if (count === 0) {
      emit(x, Number.POSITIVE_INFINITY);
      continue;
    }
    while (at + 1 < count && starts[at + 1]! < x) at++;
    emit(x, (x - places[at]!) ** 2 + squares[places[at]!]!);
  }
}
