/** Functions of the compiled kernels that losses use, sorting among them. Conventions as in `KernelExports`. */
export interface LossExports {
  /** See assembly/class_loss.ts; `sums` are doubles [3, classes], flags are 0 or 1. */
  classSums(
    logits: number,
    labels: number,
    pixels: number,
    classes: number,
    kind: number,
    multilabel: number,
    hasIgnore: number,
    ignored: number,
    a: number,
    b: number,
    c: number,
    d: number,
    weights: number,
    sums: number,
    scratch: number,
  ): void;
  classSlopes(
    logits: number,
    labels: number,
    dx: number,
    pixels: number,
    classes: number,
    kind: number,
    multilabel: number,
    hasIgnore: number,
    ignored: number,
    a: number,
    b: number,
    c: number,
    d: number,
    weights: number,
    coefficients: number,
    scratch: number,
  ): void;
  classLossScratchBytes(classes: number): number;
  bceSums(
    logits: number,
    labels: number,
    count: number,
    hasIgnore: number,
    ignored: number,
    smooth: number,
    posWeight: number,
    sums: number,
  ): void;
  bceSlopes(
    logits: number,
    labels: number,
    dx: number,
    count: number,
    hasIgnore: number,
    ignored: number,
    smooth: number,
    posWeight: number,
    coefficients: number,
  ): void;
  regionSums(
    logits: number,
    labels: number,
    count: number,
    hasIgnore: number,
    ignored: number,
    sums: number,
  ): void;
  countSums(
    logits: number,
    labels: number,
    count: number,
    hasIgnore: number,
    ignored: number,
    sums: number,
  ): void;
  regionSlopes(
    logits: number,
    labels: number,
    dx: number,
    count: number,
    hasIgnore: number,
    ignored: number,
    coefficients: number,
  ): void;
  countSlopes(
    logits: number,
    labels: number,
    dx: number,
    count: number,
    hasIgnore: number,
    ignored: number,
    coefficients: number,
  ): void;
  /** Items of 8 bytes: a key above, a payload below. */
  sortItems(x: number, first: number, count: number, items: number): void;
  countDigits(items: number, count: number, shift: number, mask: number, histogram: number): void;
  startDigits(histograms: number, parts: number, mask: number): void;
  moveItems(items: number, count: number, shift: number, mask: number, starts: number, out: number): void;
  sortedValues(items: number, first: number, count: number, x: number, values: number, indices: number): void;
  lovaszItems(
    scores: number,
    labels: number,
    derivative: number,
    first: number,
    count: number,
    isHinge: number,
    hasIgnore: number,
    ignored: number,
    items: number,
    counts: number,
  ): void;
  countTruths(items: number, count: number, out: number): void;
  lovaszSlopes(
    items: number,
    count: number,
    before: number,
    seen: number,
    positives: number,
    isHinge: number,
    scale: number,
    derivative: number,
    sum: number,
  ): void;
}
