import { GlofError } from "@glof/core";

/** Eigenvalues, largest first, and their eigenvectors of length 1, in the same order. */
export interface SymmetricEigen {
  readonly values: Float64Array;
  /** Row i belongs to `values[i]`. */
  readonly vectors: readonly Float64Array[];
}

/** A symmetric tridiagonal matrix, and the rotation that led to it, row by row. */
interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** Entry i couples rows i and i + 1. */
  readonly beside: Float64Array;
  /** Row i becomes the i-th eigenvector. */
  readonly basis: Float64Array[];
}

/** More steps per eigenvalue than ever seen: two are usual. */
const maxStepsPerValue = 60;

/**
 * All eigenvalues and eigenvectors of a symmetric matrix: Householder's tridiagonal form, then QR steps with Wilkinson's
 * shift. It computes in double precision and always in the same order: same matrix, same result.
 * Source: Golub and Van Loan, Matrix Computations, algorithms 8.3.1 to 8.3.3.
 *
 * @param matrix row-major [n, n]; only symmetric ones make sense; it is not changed
 * @throws GlofError `bad-argument` for another length, `not-finite`
 */
export function symmetricEigen(matrix: Float64Array, n: number): SymmetricEigen {
  if (matrix.length !== n * n) {
    throw new GlofError(
      "bad-argument",
      `symmetricEigen: expected ${n} x ${n} numbers, got ${matrix.length}. Pass a square matrix.`,
    );
  }
  if (!matrix.every(Number.isFinite)) {
    throw new GlofError(
      "not-finite",
      "symmetricEigen: expected finite numbers, got others. Look at the input.",
    );
  }
  const form = tridiagonalForm(matrix, n);
  diagonalise(form);
  const order = Array.from(form.diagonal.keys()).sort((a, b) => form.diagonal[b]! - form.diagonal[a]!);
  return {
    values: Float64Array.from(order, (index) => form.diagonal[index]!),
    vectors: order.map((index) => form.basis[index]!),
  };
}

/** Reflects the matrix, column after column, until only the diagonal and its neighbours are left. */
function tridiagonalForm(matrix: Float64Array, n: number): Tridiagonal {
  const rows = Array.from({ length: n }, (_, row) => matrix.slice(row * n, (row + 1) * n));
  const beside = new Float64Array(Math.max(0, n - 1));
  const mirrors: Float64Array[] = [];
  for (let k = 0; k < n - 2; k++) {
    const column = Float64Array.from({ length: n - k - 1 }, (_, i) => rows[k + 1 + i]![k]!);
    const { mirror, length } = reflection(column);
    beside[k] = length;
    mirrors.push(mirror);
    reflectBothSides(rows, mirror, k + 1);
  }
  if (n > 1) beside[n - 2] = rows[n - 1]![n - 2]!;
  return {
    diagonal: Float64Array.from(rows, (row, index) => row[index]!),
    beside,
    basis: basisOf(mirrors, n),
  };
}

/** Householder's unit vector that maps x to a multiple of the first axis; all zero for x = 0. */
function reflection(x: Float64Array): { mirror: Float64Array; length: number } {
  const norm = Math.sqrt(sumOfSquares(x));
  const length = x[0]! > 0 ? -norm : norm;
  const mirror = Float64Array.from(x);
  mirror[0]! -= length;
  const own = Math.sqrt(sumOfSquares(mirror));
  if (own > 0) for (let i = 0; i < mirror.length; i++) mirror[i]! /= own;
  return { mirror, length };
}

/** A <- H A H with H = I - 2 v v', for the part of A from row and column `from` on. */
function reflectBothSides(rows: readonly Float64Array[], v: Float64Array, from: number): void {
  const size = v.length;
  const product = new Float64Array(size);
  let inner = 0;
  for (let i = 0; i < size; i++) {
    const row = rows[from + i]!;
    let sum = 0;
    for (let j = 0; j < size; j++) sum += row[from + j]! * v[j]!;
    product[i] = sum;
    inner += sum * v[i]!;
  }
  for (let i = 0; i < size; i++) product[i]! -= inner * v[i]!;
  for (let i = 0; i < size; i++) {
    const row = rows[from + i]!;
    const [vi, wi] = [2 * v[i]!, 2 * product[i]!];
    for (let j = 0; j < size; j++) row[from + j]! -= vi * product[j]! + wi * v[j]!;
  }
}

/** The transpose of the product of all reflections. */
function basisOf(mirrors: readonly Float64Array[], n: number): Float64Array[] {
  const basis = Array.from({ length: n }, (_, row) => {
    const axis = new Float64Array(n);
    axis[row] = 1;
    return axis;
  });
  for (let k = mirrors.length - 1; k >= 0; k--) {
    const v = mirrors[k]!;
    for (let row = k + 1; row < n; row++) {
      const line = basis[row]!;
      let sum = 0;
      for (let j = 0; j < v.length; j++) sum += line[k + 1 + j]! * v[j]!;
      for (let j = 0; j < v.length; j++) line[k + 1 + j]! -= 2 * sum * v[j]!;
    }
  }
  return basis;
}

/** QR steps on the unreduced part at the end, until every coupling is negligible beside the matrix. */
function diagonalise(form: Tridiagonal): void {
  const { diagonal, beside } = form;
  const largest = Math.max(
    ...[diagonal, beside].map((part) => part.reduce((m, v) => Math.max(m, Math.abs(v)), 0)),
  );
  const negligible = Number.EPSILON * largest;
  let stepsLeft = maxStepsPerValue * diagonal.length;
  for (let last = diagonal.length - 1; last > 0; ) {
    if (Math.abs(beside[last - 1]!) <= negligible) {
      last--;
      continue;
    }
    let first = last - 1;
    while (first > 0 && Math.abs(beside[first - 1]!) > negligible) first--;
    qrStep(form, first, last);
    if (--stepsLeft < 0)
      throw new GlofError("internal", "symmetricEigen: expected to converge. Report the matrix.");
  }
}

/** One implicit QR step on rows `first` to `last`: the bulge is chased down, the basis turned along. */
function qrStep({ diagonal: d, beside: e, basis }: Tridiagonal, first: number, last: number): void {
  const half = (d[last - 1]! - d[last]!) / 2;
  const corner = e[last - 1]!;
  const shift = d[last]! - (corner * corner) / (half + (half < 0 ? -1 : 1) * Math.hypot(half, corner));
  let x = d[first]! - shift;
  let z = e[first]!;
  for (let k = first; k < last; k++) {
    const length = Math.hypot(x, z);
    const [c, s] = length === 0 ? [1, 0] : [x / length, z / length];
    if (k > first) e[k - 1] = length;
    const [a, b, g] = [d[k]!, e[k]!, d[k + 1]!];
    d[k] = c * c * a + 2 * c * s * b + s * s * g;
    d[k + 1] = s * s * a - 2 * c * s * b + c * c * g;
    e[k] = c * s * (g - a) + (c * c - s * s) * b;
    if (k < last - 1) {
      x = e[k]!;
      z = s * e[k + 1]!;
      e[k + 1]! *= c;
    }
    turn(basis[k]!, basis[k + 1]!, c, s);
  }
}

function turn(upper: Float64Array, lower: Float64Array, c: number, s: number): void {
  for (let i = 0; i < upper.length; i++) {
    const [u, l] = [upper[i]!, lower[i]!];
    upper[i] = c * u + s * l;
    lower[i] = c * l - s * u;
  }
}

function sumOfSquares(x: Float64Array): number {
  let sum = 0;
  for (const value of x) sum += value * value;
  return sum;
}
