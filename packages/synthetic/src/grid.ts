/**
 * A lattice of square cells on the ground. Fields over it are row-major `Float32Array`s of `cols · rows`
 * values. Ground coordinates are metres, x to the east and y to the south, zero at the scene's upper left
 * corner.
 */
export interface FieldGrid {
  readonly cols: number;
  readonly rows: number;
  readonly cellM: number;
  /** Ground position of the centre of cell (0, 0). */
  readonly originXM: number;
  readonly originYM: number;
}

/** Cells in a grid. */
export const cellCount = (grid: FieldGrid): number => grid.cols * grid.rows;

/** Samples a function of ground metres at every cell centre. */
export function sampleField(grid: FieldGrid, valueAt: (xM: number, yM: number) => number): Float32Array {
  const field = new Float32Array(cellCount(grid));
  for (let row = 0, index = 0; row < grid.rows; row++) {
    const yM = grid.originYM + row * grid.cellM;
    for (let col = 0; col < grid.cols; col++, index++) {
      field[index] = valueAt(grid.originXM + col * grid.cellM, yM);
    }
  }
  return field;
}

/** The value below which a share of a field lies (every 7th value is looked at: enough for landscapes). */
export function heightBelow(field: Float32Array, share: number): number {
  const sorted = field.filter((_, index) => index % 7 === 0).sort();
  return sorted[Math.floor(clamp(share, 0, 1) * (sorted.length - 1))]!;
}

/** Bilinear resampling of a field onto another grid; outside values repeat the edge. */
export function resampleField(field: Float32Array, from: FieldGrid, to: FieldGrid): Float32Array {
  const resampled = new Float32Array(cellCount(to));
  const step = to.cellM / from.cellM;
  const startX = (to.originXM - from.originXM) / from.cellM;
  const startY = (to.originYM - from.originYM) / from.cellM;
  for (let row = 0, index = 0; row < to.rows; row++) {
    const y = clamp(startY + row * step, 0, from.rows - 1.0001);
    const top = Math.floor(y);
    const fy = y - top;
    for (let col = 0; col < to.cols; col++, index++) {
      const x = clamp(startX + col * step, 0, from.cols - 1.0001);
      const left = Math.floor(x);
      const fx = x - left;
      const at = top * from.cols + left;
      const upper = field[at]! + fx * (field[at + 1]! - field[at]!);
      const below = at + from.cols;
      const lower = field[below]! + fx * (field[below + 1]! - field[below]!);
      resampled[index] = upper + fy * (lower - upper);
    }
  }
  return resampled;
}

/** Uniform cubic B-spline resampling: smooth slopes, for elevations (bilinear facets show in the shading). */
export function resampleSmooth(field: Float32Array, from: FieldGrid, to: FieldGrid): Float32Array {
  const step = to.cellM / from.cellM;
  const startX = (to.originXM - from.originXM) / from.cellM;
  const startY = (to.originYM - from.originYM) / from.cellM;
  const wide = new Float32Array(to.cols * from.rows);
  splineTable(to.cols, from.cols, startX, step, (col, taps, weights) => {
    for (let row = 0; row < from.rows; row++) {
      const at = row * from.cols;
      let sum = 0;
      for (let tap = 0; tap < 4; tap++) sum += weights[tap]! * field[at + taps[tap]!]!;
      wide[row * to.cols + col] = sum;
    }
  });
  const resampled = new Float32Array(cellCount(to));
  splineTable(to.rows, from.rows, startY, step, (row, taps, weights) => {
    for (let col = 0; col < to.cols; col++) {
      let sum = 0;
      for (let tap = 0; tap < 4; tap++) sum += weights[tap]! * wide[taps[tap]! * to.cols + col]!;
      resampled[row * to.cols + col] = sum;
    }
  });
  return resampled;
}

function splineTable(
  count: number,
  sourceCount: number,
  start: number,
  step: number,
  visit: (index: number, taps: readonly number[], weights: readonly number[]) => void,
): void {
  for (let index = 0; index < count; index++) {
    const position = start + index * step;
    const first = Math.floor(position);
    const t = position - first;
    const taps = [-1, 0, 1, 2].map((offset) => clamp(first + offset, 0, sourceCount - 1));
    const weights = [
      (1 - t) ** 3 / 6,
      (3 * t ** 3 - 6 * t ** 2 + 4) / 6,
      (-3 * t ** 3 + 3 * t ** 2 + 3 * t + 1) / 6,
      t ** 3 / 6,
    ];
    visit(index, taps, weights);
  }
}

/**
 * Ground displacements that bend the straight lines of a coarse grid: metres to add to a position, per cell.
 */
export interface Warp {
  readonly dxM: Float32Array;
  readonly dyM: Float32Array;
  /** No displacement is longer than this, on either axis. */
  readonly largestM: number;
}

/**
 * A coarse field as seen through a warp on a fine grid: each cell takes the value at its displaced position.
 */
export function warpField(field: Float32Array, from: FieldGrid, to: FieldGrid, warp: Warp): Float32Array {
  const dense = densify(from, SPLINE_DENSITY);
  const smooth = resampleSmooth(field, from, dense);
  const warped = new Float32Array(cellCount(to));
  for (let row = 0, index = 0; row < to.rows; row++) {
    const yM = to.originYM + row * to.cellM - dense.originYM;
    for (let col = 0; col < to.cols; col++, index++) {
      const xM = to.originXM + col * to.cellM - dense.originXM;
      const x = clamp((xM + warp.dxM[index]!) / dense.cellM, 0, dense.cols - 1.001);
      const y = clamp((yM + warp.dyM[index]!) / dense.cellM, 0, dense.rows - 1.001);
      const left = Math.floor(x);
      const top = Math.floor(y);
      const at = top * dense.cols + left;
      const below = at + dense.cols;
      const upper = smooth[at]! + (x - left) * (smooth[at + 1]! - smooth[at]!);
      const lower = smooth[below]! + (x - left) * (smooth[below + 1]! - smooth[below]!);
      warped[index] = upper + (y - top) * (lower - upper);
    }
  }
  return warped;
}

/**
 * Splines are drawn on a lattice this many times denser and read bilinearly: no facets, a quarter of the
 * work.
 */
const SPLINE_DENSITY = 3;

function densify(grid: FieldGrid, factor: number): FieldGrid {
  return {
    cols: (grid.cols - 1) * factor + 1,
    rows: (grid.rows - 1) * factor + 1,
    cellM: grid.cellM / factor,
    originXM: grid.originXM,
    originYM: grid.originYM,
  };
}

/** Visits the cells of a grid inside a ground box (west, north, east, south). */
export function visitBox(
  grid: FieldGrid,
  box: readonly [number, number, number, number],
  visit: (cell: number, xM: number, yM: number) => void,
): void {
  const first = (ground: number, origin: number): number =>
    Math.max(0, Math.floor((ground - origin) / grid.cellM));
  const lastCol = Math.min(grid.cols - 1, Math.ceil((box[2] - grid.originXM) / grid.cellM));
  const lastRow = Math.min(grid.rows - 1, Math.ceil((box[3] - grid.originYM) / grid.cellM));
  for (let row = first(box[1], grid.originYM); row <= lastRow; row++) {
    for (let col = first(box[0], grid.originXM); col <= lastCol; col++) {
      visit(row * grid.cols + col, grid.originXM + col * grid.cellM, grid.originYM + row * grid.cellM);
    }
  }
}

/** Visits the cells whose warped position lies inside a ground box; `visit` gets that position. */
export function visitWarpedBox(
  grid: FieldGrid,
  box: readonly [number, number, number, number],
  warp: Warp,
  visit: (cell: number, xM: number, yM: number) => void,
): void {
  const slackM = warp.largestM;
  const wider = [box[0] - slackM, box[1] - slackM, box[2] + slackM, box[3] + slackM] as const;
  visitBox(grid, wider, (cell, xM, yM) => {
    const x = xM + warp.dxM[cell]!;
    const y = yM + warp.dyM[cell]!;
    if (x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3]) visit(cell, x, y);
  });
}

/** `value` held between `low` and `high`. */
export const clamp = (value: number, low: number, high: number): number =>
  Math.min(high, Math.max(low, value));

/** 0 below `low`, 1 above `high`, smooth between (Hermite). `low` may exceed `high` for a falling step. */
export function smoothstep(low: number, high: number, value: number): number {
  const t = clamp((value - low) / (high - low), 0, 1);
  return t * t * (3 - 2 * t);
}

/** Linear interpolation from `a` at t = 0 to `b` at t = 1. */
export const mix = (a: number, b: number, t: number): number => a + (b - a) * t;
