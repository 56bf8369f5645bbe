import type { LossExports } from "./loss_exports.js";

/**
 * Functions of the compiled kernels (`assembly/`). Addresses are byte offsets into the imported memory, strides and
 * counts are in floats; activations are 0 none, 1 ReLU, 2 ReLU6, 3 exact GELU; a bias address of 0 means none.
 */
export interface KernelExports extends LossExports {
  gemm(
    rows: number,
    columns: number,
    depth: number,
    a: number,
    aRowStride: number,
    aDepthStride: number,
    b: number,
    bDepthStride: number,
    bColumnStride: number,
    c: number,
    cRowStride: number,
    add: boolean,
    bias: number,
    activation: number,
    scratch: number,
  ): void;
  gemmScratchBytes(columns: number): number;
  /** Bytes of scratch that `gemmPacked` takes. */
  gemmPackedScratchBytes(): number;
  packRight(
    b: number,
    depthStride: number,
    columnStride: number,
    depth: number,
    columns: number,
    from: number,
    to: number,
    out: number,
  ): void;
  gemmPacked(
    rows: number,
    columns: number,
    depth: number,
    a: number,
    aRowStride: number,
    aDepthStride: number,
    packed: number,
    packedColumns: number,
    firstColumn: number,
    c: number,
    cRowStride: number,
    bias: number,
    activation: number,
    gamma: number,
    residual: number,
    scratch: number,
  ): void;
  finish(
    c: number,
    cRowStride: number,
    rows: number,
    columns: number,
    bias: number,
    activation: number,
    gamma: number,
    residual: number,
  ): void;
  softmax(x: number, y: number, rows: number, width: number, scratch: number): void;
  softmaxScratchBytes(width: number): number;
  softmaxGrad(y: number, dy: number, dx: number, rows: number, width: number): void;
  setConv(
    inRows: number,
    inColumns: number,
    inChannels: number,
    outRows: number,
    outColumns: number,
    outChannels: number,
    filterRows: number,
    filterColumns: number,
    strideRows: number,
    strideColumns: number,
    padTop: number,
    padLeft: number,
    dilationRows: number,
    dilationColumns: number,
  ): void;
  convForward(
    x: number,
    packedFilter: number,
    y: number,
    bias: number,
    activation: number,
    first: number,
    count: number,
    scratch: number,
  ): void;
  convForwardScratchBytes(): number;
  convBackwardFilter(
    x: number,
    dy: number,
    dFilter: number,
    first: number,
    count: number,
    scratch: number,
  ): void;
  convBackwardFilterScratchBytes(): number;
  convBackwardInput(
    dy: number,
    filter: number,
    dx: number,
    image: number,
    fromRow: number,
    toRow: number,
    scratch: number,
  ): void;
  convBackwardInputScratchBytes(): number;
  flipFilter(
    filter: number,
    rows: number,
    columns: number,
    inChannels: number,
    outChannels: number,
    out: number,
  ): void;
  gelu(x: number, y: number, count: number): void;
  geluGrad(x: number, dy: number, dx: number, count: number): void;
  layerNorm(
    x: number,
    gamma: number,
    beta: number,
    y: number,
    rows: number,
    width: number,
    epsilon: number,
  ): void;
  layerNormGrad(
    x: number,
    gamma: number,
    dy: number,
    dx: number,
    dGamma: number,
    dBeta: number,
    rows: number,
    width: number,
    epsilon: number,
  ): void;
  /** `relu` is 0 or 1. */
  normalise(
    x: number,
    y: number,
    rows: number,
    channels: number,
    means: number,
    factors: number,
    shifts: number,
    relu: number,
  ): void;
  pullBackNormalise(
    x: number,
    dy: number,
    dx: number,
    rows: number,
    channels: number,
    means: number,
    factors: number,
    shifts: number,
    along: number,
    level: number,
    relu: number,
  ): void;
  /** `totals` are doubles [2, channels]. */
  moments(x: number, rows: number, channels: number, totals: number, scratch: number): void;
  slopeSums(
    x: number,
    dy: number,
    rows: number,
    channels: number,
    means: number,
    factors: number,
    shifts: number,
    relu: number,
    totals: number,
    scratch: number,
  ): void;
  channelSumsScratchBytes(channels: number): number;
  attention(
    q: number,
    k: number,
    v: number,
    out: number,
    queries: number,
    keys: number,
    width: number,
    rowStride: number,
    outRowStride: number,
    scale: number,
    scratch: number,
  ): void;
  attentionScratchBytes(keys: number, width: number): number;
  attentionGrad(
    q: number,
    k: number,
    v: number,
    dOut: number,
    dq: number,
    dk: number,
    dv: number,
    queries: number,
    keys: number,
    width: number,
    rowStride: number,
    outRowStride: number,
    scale: number,
    scratch: number,
  ): void;
  attentionGradScratchBytes(keys: number, width: number): number;
  copyRuns(
    src: number,
    dst: number,
    count: number,
    n0: number,
    stride0: number,
    n1: number,
    stride1: number,
    n2: number,
    stride2: number,
  ): void;
  transposePlanes(
    src: number,
    dst: number,
    rows: number,
    columns: number,
    sourceRowStride: number,
    targetRowStride: number,
    n0: number,
    sourceStride0: number,
    targetStride0: number,
    n1: number,
    sourceStride1: number,
    targetStride1: number,
  ): void;
  copyRows(
    src: number,
    dst: number,
    count: number,
    rows: number,
    sourceStride: number,
    targetStride: number,
  ): void;
  reluGrad(x: number, dy: number, dx: number, count: number): void;
  mapImage(
    x: number,
    y: number,
    outRows: number,
    inCols: number,
    outCols: number,
    channels: number,
    rowFirsts: number,
    rowCounts: number,
    rowWeights: number,
    colFirsts: number,
    colCounts: number,
    colWeights: number,
    mixed: number,
  ): void;
  mapAxis(
    x: number,
    y: number,
    outer: number,
    inSize: number,
    outSize: number,
    inner: number,
    firsts: number,
    counts: number,
    weights: number,
  ): void;
  /** y = a op b by rows; operations are 0 +, 1 -, 2 *. */
  combine(
    a: number,
    b: number,
    y: number,
    rows: number,
    width: number,
    step: number,
    operation: number,
  ): void;
  /** Adam's update; `numbers` is the address of nine floats, see `assembly/adam.ts`. */
  adam(
    param: number,
    grad: number,
    mean: number,
    square: number,
    nextParam: number,
    nextMean: number,
    nextSquare: number,
    count: number,
    numbers: number,
  ): void;
  gatedSilu(both: number, y: number, rows: number, width: number): void;
  gatedSiluGrad(both: number, dy: number, dBoth: number, rows: number, width: number): void;
  /** dst [outer, count, inner] = src [outer, extent, inner] at indices of its middle axis. */
  gatherRuns(
    src: number,
    ids: number,
    dst: number,
    outer: number,
    extent: number,
    count: number,
    inner: number,
  ): void;
  /** out[o] = the sum of `count` rows, for each of `outer` stacks of rows. */
  stackSums(x: number, outer: number, count: number, width: number, out: number): void;
  rowSums(x: number, rows: number, width: number, out: number): void;
  /** y[r] = activation(x[r] . w + bias). */
  rowDots(
    x: number,
    w: number,
    y: number,
    bias: number,
    activation: number,
    rows: number,
    width: number,
  ): void;
  /** out[r] = factors[r] v, rows of `width` floats. */
  scaledCopies(factors: number, v: number, out: number, rows: number, width: number): void;
  /** out[width] = the sum over rows of factors[r] x[r]. */
  weightedSum(x: number, factors: number, out: number, rows: number, width: number): void;
  addRows(x: number, count: number, width: number, rowStride: number, out: number): void;
  sumRows(x: number, rows: number, width: number, out: number, partial: number): void;
  segmentSum(x: number, ids: number, count: number, width: number, segments: number, out: number): void;
}
