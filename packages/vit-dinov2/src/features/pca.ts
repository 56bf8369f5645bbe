import { GlofError } from "@glof/core";
import { symmetricEigen } from "./symmetric_eigen.js";

/** The directions in which feature vectors differ most. */
export interface Pca {
  /** Mean of the vectors. [D] */
  readonly mean: Float64Array;
  /** Orthogonal directions of length 1, most variance first; each [D]. One without any variance is all zero. */
  readonly components: readonly Float64Array[];
  /** Variance along each component (divided by N - 1). */
  readonly variances: Float64Array;
  /** Sum of the variances along all D directions. */
  readonly totalVariance: number;
}

/** Options of `fitPca`. */
export interface PcaOptions {
  /** How many components. Default 3. */
  readonly components?: number;
}

/**
 * Principal component analysis, exactly: eigenvectors of the covariance matrix, or of the smaller matrix of inner
 * products where there are fewer vectors than dimensions. Same input, same result; of the two signs of a component the
 * one with its largest entry positive (scikit-learn's rule from 1.5 on).
 *
 * @param vectors row-major [N, D]
 * @throws GlofError `bad-argument` for sizes that do not fit; `not-finite`
 */
export function fitPca(
  vectors: Float32Array | Float64Array,
  size: readonly [count: number, dim: number],
  { components: wanted = 3 }: PcaOptions = {},
): Pca {
  const [count, dim] = size;
  requireSizes(vectors.length, size, wanted);
  const mean = meanOf(vectors, count, dim);
  const centred = Float64Array.from(vectors, (value, at) => value - mean[at % dim]!);
  const isWide = count < dim;
  const products = isWide ? rowProducts(centred, count, dim) : columnProducts(centred, count, dim);
  const side = isWide ? count : dim;
  const { values, vectors: found } = symmetricEigen(products, side);
  const trace = values.reduce((sum, value) => sum + Math.max(0, value), 0);
  // Rounding leaves this much along a direction in which nothing varies.
  const floor = trace * Number.EPSILON * side;
  const components = Array.from({ length: wanted }, (_, index) => {
    if (index >= side || values[index]! <= floor) return new Float64Array(dim);
    return withSign(isWide ? unit(combine(centred, found[index]!, dim)) : found[index]!);
  });
  return {
    mean,
    components,
    variances: Float64Array.from(components, (_, index) =>
      index >= side || values[index]! <= floor ? 0 : values[index]! / (count - 1),
    ),
    totalVariance: trace / (count - 1),
  };
}

/**
 * Coordinates of vectors along the components.
 *
 * @param vectors row-major [N, D]
 * @returns row-major [N, components]
 * @throws GlofError `bad-argument`
 */
export function projectPca(pca: Pca, vectors: Float32Array | Float64Array): Float32Array {
  const { mean, components } = pca;
  const dim = mean.length;
  const count = vectors.length / dim;
  if (!Number.isInteger(count)) {
    throw new GlofError(
      "bad-argument",
      `projectPca: expected vectors of ${dim} numbers, got ${vectors.length} numbers. Pass what the PCA was fitted to.`,
    );
  }
  const result = new Float32Array(count * components.length);
  for (let row = 0, to = 0; row < count; row++) {
    for (const component of components) {
      let sum = 0;
      for (let i = 0; i < dim; i++) sum += (vectors[row * dim + i]! - mean[i]!) * component[i]!;
      result[to++] = sum;
    }
  }
  return result;
}

function requireSizes(length: number, [count, dim]: readonly [number, number], wanted: number): void {
  const fits = Number.isInteger(count) && Number.isInteger(dim) && count >= 2 && dim >= 1;
  if (fits && length === count * dim && Number.isInteger(wanted) && wanted >= 1 && wanted <= dim) return;
  throw new GlofError(
    "bad-argument",
    `fitPca: expected at least 2 vectors and 1 to ${dim} components, got ${length} numbers for [${count}, ${dim}] and ` +
      `${wanted} components. Correct the sizes.`,
    { count, dim, components: wanted },
  );
}

function meanOf(vectors: Float32Array | Float64Array, count: number, dim: number): Float64Array {
  const mean = new Float64Array(dim);
  for (let at = 0; at < vectors.length; at++) mean[at % dim]! += vectors[at]!;
  return mean.map((sum) => sum / count);
}

/** X' X. [D, D] */
function columnProducts(x: Float64Array, count: number, dim: number): Float64Array {
  const result = new Float64Array(dim * dim);
  for (let row = 0; row < count; row++) {
    const vector = x.subarray(row * dim, (row + 1) * dim);
    for (let i = 0; i < dim; i++) {
      const value = vector[i]!;
      for (let j = i; j < dim; j++) result[i * dim + j]! += value * vector[j]!;
    }
  }
  return mirrored(result, dim);
}

/** X X'. [N, N] */
function rowProducts(x: Float64Array, count: number, dim: number): Float64Array {
  const result = new Float64Array(count * count);
  for (let i = 0; i < count; i++) {
    for (let j = i; j < count; j++) {
      let sum = 0;
      for (let k = 0; k < dim; k++) sum += x[i * dim + k]! * x[j * dim + k]!;
      result[i * count + j] = sum;
    }
  }
  return mirrored(result, count);
}

function mirrored(upper: Float64Array, side: number): Float64Array {
  for (let i = 1; i < side; i++) for (let j = 0; j < i; j++) upper[i * side + j] = upper[j * side + i]!;
  return upper;
}

/** X' u. [D] */
function combine(x: Float64Array, u: Float64Array, dim: number): Float64Array {
  const sum = new Float64Array(dim);
  for (let at = 0; at < x.length; at++) sum[at % dim]! += x[at]! * u[Math.floor(at / dim)]!;
  return sum;
}

function unit(vector: Float64Array): Float64Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return vector.map((value) => value / length);
}

function withSign(vector: Float64Array): Float64Array {
  let largest = 0;
  for (const value of vector) if (Math.abs(value) > Math.abs(largest)) largest = value;
  return largest < 0 ? vector.map((value) => -value) : vector;
}
