/** A matrix whose rows are zero outside one stretch each. */
export interface Bands {
  /** Column of each row's first weight. */
  readonly firsts: Int32Array;
  /** How many weights each row has. */
  readonly counts: Int32Array;
  /** The weights, row by row. */
  readonly weights: Float32Array;
}

/** The stretches of matrices that are still in use, and those of their transposes. */
const known = new WeakMap<Float32Array, { straight?: Bands; transposed?: Bands }>();

/** The stretches of a dense row-major matrix [rows, columns] that nobody changes any more, or of its transpose. */
export function toBands(values: Float32Array, rows: number, columns: number, transposed: boolean): Bands {
  const found = known.get(values) ?? {};
  known.set(values, found);
  const which = transposed ? "transposed" : "straight";
  found[which] ??= findBands(values, rows, columns, transposed);
  return found[which];
}

function findBands(values: Float32Array, rows: number, columns: number, transposed: boolean): Bands {
  const [count, depth] = transposed ? [columns, rows] : [rows, columns];
  const [rowStep, step] = transposed ? [1, columns] : [columns, 1];
  const firsts = new Int32Array(count);
  const counts = new Int32Array(count);
  const weights: number[] = [];
  for (let i = 0; i < count; i++) {
    let first = 0;
    let end = depth;
    while (first < end && values[i * rowStep + first * step] === 0) first++;
    while (end > first && values[i * rowStep + (end - 1) * step] === 0) end--;
    firsts[i] = first;
    counts[i] = end - first;
    for (let k = first; k < end; k++) weights.push(values[i * rowStep + k * step]!);
  }
  return { firsts, counts, weights: Float32Array.from(weights) };
}
