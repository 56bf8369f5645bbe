import { cellCount, type FieldGrid } from "./grid.js";

/**
 * Smears a texture along a flow (line integral convolution, Cabral and Leedom 1993): the bands that moving
 * ice draws out of the debris that falls on it. Cells without flow keep their value.
 */
export function smearAlongFlow(
  texture: Float32Array,
  flowX: Float32Array,
  flowY: Float32Array,
  grid: FieldGrid,
  reachM: number,
): Float32Array {
  const { cols, rows, cellM } = grid;
  const smeared = texture.slice();
  const stepPx = 1.5;
  const steps = Math.max(2, Math.min(40, Math.round(reachM / (stepPx * cellM))));
  for (let cell = 0; cell < cellCount(grid); cell++) {
    if (flowX[cell] === 0 && flowY[cell] === 0) continue;
    let sum = texture[cell]!;
    let count = 1;
    for (const direction of [1, -1]) {
      let x = cell % cols;
      let y = (cell - x) / cols;
      for (let step = 0; step < steps; step++) {
        const at = Math.round(y) * cols + Math.round(x);
        const fx = flowX[at]!;
        const fy = flowY[at]!;
        const length = Math.sqrt(fx * fx + fy * fy);
        if (length === 0) break;
        x += (direction * stepPx * fx) / length;
        y += (direction * stepPx * fy) / length;
        if (x < 0 || y < 0 || x > cols - 1 || y > rows - 1) break;
        sum += texture[Math.round(y) * cols + Math.round(x)]!;
        count++;
      }
    }
    // Averaging n values shrinks the spread by about the square root of n: give some of it back.
    smeared[cell] = (sum / count) * count ** 0.3;
  }
  return smeared;
}
