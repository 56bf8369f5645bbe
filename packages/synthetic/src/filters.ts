import { clamp, type FieldGrid } from "./grid.js";

/** Separable Gaussian blur in place of a new field; edges repeat. `sigma` is in cells; 0 returns a copy. */
export function gaussianBlur(
  field: Float32Array,
  cols: number,
  rows: number,
  sigmaCols: number,
  sigmaRows = sigmaCols,
): Float32Array {
  const across = sigmaCols > 0 ? blurRows(field, cols, rows, gaussianKernel(sigmaCols)) : field.slice();
  return sigmaRows > 0 ? blurCols(across, cols, rows, gaussianKernel(sigmaRows)) : across;
}

function gaussianKernel(sigma: number): Float32Array {
  const radius = Math.max(1, Math.ceil(2.5 * sigma));
  const kernel = Float32Array.from({ length: 2 * radius + 1 }, (_, index) =>
    Math.exp(-((index - radius) ** 2) / (2 * sigma * sigma)),
  );
  const sum = kernel.reduce((total, weight) => total + weight, 0);
  return kernel.map((weight) => weight / sum);
}

function blurRows(field: Float32Array, cols: number, rows: number, kernel: Float32Array): Float32Array {
  const radius = (kernel.length - 1) / 2;
  const blurred = new Float32Array(field.length);
  for (let row = 0; row < rows; row++) {
    const start = row * cols;
    for (let col = 0; col < cols; col++) {
      let sum = 0;
      if (col >= radius && col + radius < cols) {
        const first = start + col - radius;
        for (let tap = 0; tap < kernel.length; tap++) sum += kernel[tap]! * field[first + tap]!;
      } else {
        for (let tap = 0; tap < kernel.length; tap++) {
          sum += kernel[tap]! * field[start + clamp(col + tap - radius, 0, cols - 1)]!;
        }
      }
      blurred[start + col] = sum;
    }
  }
  return blurred;
}

function blurCols(field: Float32Array, cols: number, rows: number, kernel: Float32Array): Float32Array {
  const radius = (kernel.length - 1) / 2;
  const blurred = new Float32Array(field.length);
  for (let row = 0; row < rows; row++) {
    const start = row * cols;
    for (let tap = 0; tap < kernel.length; tap++) {
      const weight = kernel[tap]!;
      const source = clamp(row + tap - radius, 0, rows - 1) * cols;
      for (let col = 0; col < cols; col++)
        blurred[start + col] = blurred[start + col]! + weight * field[source + col]!;
    }
  }
  return blurred;
}

/**
 * Wide blur by three box filters (a close match to a Gaussian), at a cost that does not grow with `sigma`.
 */
export function boxBlur(field: Float32Array, cols: number, rows: number, sigma: number): Float32Array {
  const radius = Math.max(1, Math.round((Math.sqrt(4 * sigma * sigma + 1) - 1) / 2));
  let blurred = field;
  for (let pass = 0; pass < 3; pass++) {
    blurred = boxPass(blurred, cols, rows, radius, 1, cols);
    blurred = boxPass(blurred, rows, cols, radius, cols, 1);
  }
  return blurred;
}

function boxPass(
  field: Float32Array,
  length: number,
  lines: number,
  radius: number,
  step: number,
  lineStep: number,
): Float32Array {
  const blurred = new Float32Array(field.length);
  const width = 2 * radius + 1;
  for (let line = 0; line < lines; line++) {
    const start = line * lineStep;
    const last = start + (length - 1) * step;
    let sum = field[start]! * (radius + 1);
    for (let at = 1; at <= radius; at++) sum += field[start + Math.min(at, length - 1) * step]!;
    for (let at = 0; at < length; at++) {
      blurred[start + at * step] = sum / width;
      const entering = at + radius + 1 < length ? start + (at + radius + 1) * step : last;
      const leaving = at - radius >= 0 ? start + (at - radius) * step : start;
      sum += field[entering]! - field[leaving]!;
    }
  }
  return blurred;
}

/** Central differences of an elevation field: east and south slopes (metres per metre). */
export function gradients(
  field: Float32Array,
  grid: FieldGrid,
): { eastward: Float32Array; southward: Float32Array } {
  const { cols, rows, cellM } = grid;
  const eastward = new Float32Array(field.length);
  const southward = new Float32Array(field.length);
  for (let row = 0, index = 0; row < rows; row++) {
    const up = row > 0 ? cols : 0;
    const down = row < rows - 1 ? cols : 0;
    for (let col = 0; col < cols; col++, index++) {
      const left = col > 0 ? 1 : 0;
      const right = col < cols - 1 ? 1 : 0;
      eastward[index] = (field[index + right]! - field[index - left]!) / (cellM * Math.max(1, left + right));
      const rowsApart = up + down > cols ? 2 : 1;
      southward[index] = (field[index + down]! - field[index - up]!) / (cellM * rowsApart);
    }
  }
  return { eastward, southward };
}
