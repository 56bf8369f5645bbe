import { GlofError } from "@glof/core";
import { type Pair, toPair } from "./pair.js";

/** Sizes of a convolution, each `[rows, cols]`. */
export interface ConvGeometry {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly inSize: readonly [number, number];
  readonly outSize: readonly [number, number];
}

/** Options that shape a convolution, PyTorch's names and meanings (padding is symmetric and explicit). */
export interface ConvShapeOptions {
  readonly stride?: Pair;
  readonly padding?: Pair;
  readonly dilation?: Pair;
}

const axes = [0, 1] as const;
const perAxis = (value: (axis: 0 | 1) => number): [number, number] => [value(0), value(1)];

/** Pixels a dilated kernel spans. */
export function kernelSpan({ kernel, dilation }: ConvGeometry): [number, number] {
  return perAxis((axis) => dilation[axis] * (kernel[axis] - 1) + 1);
}

/** Geometry of a convolution over an input of `inSize`: out = floor((in + 2 pad - span) / stride) + 1. */
export function convGeometry(
  kernel: readonly [number, number],
  inSize: readonly [number, number],
  options: ConvShapeOptions,
  where: string,
): ConvGeometry {
  const parts = shapeParts(kernel, options, where);
  const span = kernelSpan({ ...parts, inSize, outSize: inSize });
  const outSize = perAxis(
    (axis) => Math.floor((inSize[axis] + 2 * parts.padding[axis] - span[axis]) / parts.stride[axis]) + 1,
  );
  if (axes.some((axis) => outSize[axis] < 1)) {
    throw new GlofError(
      "shape-mismatch",
      `${where}: expected an input of at least the kernel's ${span[0]} x ${span[1]} pixels with its padding, ` +
        `got ${inSize[0]} x ${inSize[1]}. Pass a larger input or more padding.`,
    );
  }
  return { ...parts, inSize, outSize };
}

/**
 * Geometry of the convolution whose adjoint is a transposed convolution from `inSize`: there, in and out are swapped.
 * out = (in - 1) * stride - 2 pad + span + outputPadding.
 */
export function transposedGeometry(
  kernel: readonly [number, number],
  inSize: readonly [number, number],
  options: ConvShapeOptions & { readonly outputPadding?: Pair },
  where: string,
): ConvGeometry {
  const parts = shapeParts(kernel, options, where);
  const extra = toPair(options.outputPadding ?? 0, 0, `${where} outputPadding`);
  const span = kernelSpan({ ...parts, inSize, outSize: inSize });
  const grown = perAxis(
    (axis) => (inSize[axis] - 1) * parts.stride[axis] - 2 * parts.padding[axis] + span[axis] + extra[axis],
  );
  const isAmbiguous = axes.some((axis) => extra[axis] >= Math.max(parts.stride[axis], parts.dilation[axis]));
  if (isAmbiguous || axes.some((axis) => grown[axis] < 1)) {
    throw new GlofError(
      "bad-argument",
      `${where}: expected outputPadding below the stride or dilation and a result of at least one pixel, ` +
        `got outputPadding [${extra}] and size [${grown}]. Change padding or outputPadding.`,
    );
  }
  return { ...parts, inSize: grown, outSize: inSize };
}

function shapeParts(
  kernel: readonly [number, number],
  options: ConvShapeOptions,
  where: string,
): Pick<ConvGeometry, "kernel" | "stride" | "padding" | "dilation"> {
  return {
    kernel,
    stride: toPair(options.stride ?? 1, 1, `${where} stride`),
    padding: toPair(options.padding ?? 0, 0, `${where} padding`),
    dilation: toPair(options.dilation ?? 1, 1, `${where} dilation`),
  };
}
