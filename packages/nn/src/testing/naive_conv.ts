/** A convolution written as its definition, in double precision. Everything is row-major; options as in PyTorch. */
export interface NaiveConv {
  readonly batch: number;
  readonly inSize: readonly [number, number];
  readonly inWidth: number;
  readonly outWidth: number;
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly groups: number;
}

/** Size of the result. */
export function naiveOutSize(conv: NaiveConv): [number, number] {
  const along = (axis: 0 | 1): number =>
    Math.floor(
      (conv.inSize[axis] + 2 * conv.padding[axis] - conv.dilation[axis] * (conv.kernel[axis] - 1) - 1) /
        conv.stride[axis],
    ) + 1;
  return [along(0), along(1)];
}

/** x NHWC, w [kh, kw, in / groups, out] -> y NHWC. */
export function naiveConv(conv: NaiveConv, x: ArrayLike<number>, w: ArrayLike<number>): Float64Array {
  const [rows, cols] = naiveOutSize(conv);
  const y = new Float64Array(conv.batch * rows * cols * conv.outWidth);
  forEachTerm(conv, (xAt, wAt, yAt) => {
    y[yAt]! += x[xAt]! * w[wAt]!;
  });
  return y;
}

/** Calls back with the three indices of every product in the sum. */
export function forEachTerm(conv: NaiveConv, visit: (xAt: number, wAt: number, yAt: number) => void): void {
  const [rows, cols] = naiveOutSize(conv);
  const { batch, inSize, inWidth, outWidth, kernel, groups } = conv;
  const groupIn = inWidth / groups;
  for (let flat = 0; flat < batch * rows * cols; flat++) {
    const n = Math.floor(flat / (rows * cols));
    const [i, j] = [Math.floor(flat / cols) % rows, flat % cols];
    for (let tap = 0; tap < kernel[0] * kernel[1]; tap++) {
      const h = i * conv.stride[0] - conv.padding[0] + Math.floor(tap / kernel[1]) * conv.dilation[0];
      const v = j * conv.stride[1] - conv.padding[1] + (tap % kernel[1]) * conv.dilation[1];
      if (h < 0 || h >= inSize[0] || v < 0 || v >= inSize[1]) continue;
      for (let o = 0; o < outWidth; o++) {
        const group = Math.floor(o / (outWidth / groups));
        for (let c = 0; c < groupIn; c++) {
          const xAt = ((n * inSize[0] + h) * inSize[1] + v) * inWidth + group * groupIn + c;
          visit(xAt, (tap * groupIn + c) * outWidth + o, flat * outWidth + o);
        }
      }
    }
  }
}
