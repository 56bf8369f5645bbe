/** Plain loops in double precision that the kernels' tests compare with. */

/** Geometry of a convolution as `tf.backend_util.computeConv2DInfo` gives it. */
export interface ReferenceConv {
  readonly batchSize: number;
  readonly inHeight: number;
  readonly inWidth: number;
  readonly inChannels: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly outChannels: number;
  readonly filterHeight: number;
  readonly filterWidth: number;
  readonly strideHeight: number;
  readonly strideWidth: number;
  readonly dilationHeight: number;
  readonly dilationWidth: number;
  readonly padInfo: { readonly top: number; readonly left: number };
}

/** [M, K] x [K, N] with either operand stored transposed. */
export function referenceMatMul(
  a: Float32Array,
  b: Float32Array,
  [m, n, k]: readonly [number, number, number],
  transposeA: boolean,
  transposeB: boolean,
): Float64Array {
  const out = new Float64Array(m * n);
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++)
      for (let d = 0; d < k; d++)
        out[i * n + j]! += a[transposeA ? d * m + i : i * k + d]! * b[transposeB ? j * k + d : d * n + j]!;
  return out;
}

/** Calls `visit(xIndex, filterIndex, yIndex)` for each product that a convolution sums. */
export function forEachTap(c: ReferenceConv, visit: (x: number, w: number, y: number) => void): void {
  for (let image = 0; image < c.batchSize; image++)
    for (let i = 0; i < c.outHeight; i++)
      for (let j = 0; j < c.outWidth; j++)
        for (let r = 0; r < c.filterHeight; r++)
          for (let s = 0; s < c.filterWidth; s++) {
            const row = i * c.strideHeight - c.padInfo.top + r * c.dilationHeight;
            const column = j * c.strideWidth - c.padInfo.left + s * c.dilationWidth;
            if (row < 0 || row >= c.inHeight || column < 0 || column >= c.inWidth) continue;
            const x = ((image * c.inHeight + row) * c.inWidth + column) * c.inChannels;
            const y = ((image * c.outHeight + i) * c.outWidth + j) * c.outChannels;
            const w = (r * c.filterWidth + s) * c.inChannels * c.outChannels;
            for (let p = 0; p < c.inChannels; p++)
              for (let q = 0; q < c.outChannels; q++) visit(x + p, w + p * c.outChannels + q, y + q);
          }
}
