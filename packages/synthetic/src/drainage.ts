import type { FieldGrid } from "./grid.js";
import { cellCount } from "./grid.js";

/** Where water runs on an elevation field. */
export interface Drainage {
  /** Downstream neighbour of each cell; a cell drains to itself where water leaves the field. */
  readonly receiver: Int32Array;
  /** Cells such that each comes after its receiver. */
  readonly order: Int32Array;
  /** Elevation with every depression filled to its spill level. */
  readonly filledM: Float32Array;
}

const NEIGHBOUR_COL = [-1, 0, 1, -1, 1, -1, 0, 1] as const;
const NEIGHBOUR_ROW = [-1, -1, -1, 0, 0, 1, 1, 1] as const;

/**
 * Priority flood from the outlets (Barnes, Lehman and Mulla 2014): fills depressions, orders cells from
 * downstream to upstream, and sends each cell to its steepest lower neighbour.
 *
 * @param outlet 1 where water may leave the field; at least one cell
 */
export function drain(elevationM: Float32Array, grid: FieldGrid, outlet: Uint8Array): Drainage {
  const { cols, rows } = grid;
  const count = cellCount(grid);
  const receiver = new Int32Array(count).fill(-1);
  const order = new Int32Array(count);
  const filledM = new Float32Array(count);
  const queue = makeMinQueue(count);
  for (let cell = 0; cell < count; cell++) {
    if (outlet[cell] === 0) continue;
    receiver[cell] = cell;
    filledM[cell] = elevationM[cell]!;
    queue.push(cell, filledM[cell]!);
  }
  for (let at = 0; queue.size() > 0; at++) {
    const cell = queue.pop();
    order[at] = cell;
    const col = cell % cols;
    const row = (cell - col) / cols;
    for (let side = 0; side < 8; side++) {
      const c = col + NEIGHBOUR_COL[side]!;
      const r = row + NEIGHBOUR_ROW[side]!;
      if (c < 0 || r < 0 || c >= cols || r >= rows) continue;
      const other = r * cols + c;
      if (receiver[other]! >= 0) continue;
      receiver[other] = cell;
      filledM[other] = Math.max(elevationM[other]!, filledM[cell]! + 1e-3);
      queue.push(other, filledM[other]!);
    }
  }
  steepest(receiver, filledM, grid, outlet);
  return { receiver, order, filledM };
}

/** A flooded cell's first contact is some lower neighbour; the steepest one gives straighter valleys. */
function steepest(receiver: Int32Array, filledM: Float32Array, grid: FieldGrid, outlet: Uint8Array): void {
  const { cols, rows } = grid;
  for (let cell = 0; cell < receiver.length; cell++) {
    if (outlet[cell] !== 0) continue;
    const col = cell % cols;
    const row = (cell - col) / cols;
    let best = 0;
    for (let side = 0; side < 8; side++) {
      const c = col + NEIGHBOUR_COL[side]!;
      const r = row + NEIGHBOUR_ROW[side]!;
      if (c < 0 || r < 0 || c >= cols || r >= rows) continue;
      const other = r * cols + c;
      const apart = NEIGHBOUR_COL[side] !== 0 && NEIGHBOUR_ROW[side] !== 0 ? Math.SQRT2 : 1;
      const slope = (filledM[cell]! - filledM[other]!) / apart;
      if (slope > best) {
        best = slope;
        receiver[cell] = other;
      }
    }
  }
}

/**
 * Adds each cell's amount to all cells downstream. Amounts below 0 are taken off what arrives, never below 0.
 */
export function accumulate(drainage: Drainage, amount: (cell: number) => number): Float64Array {
  const { receiver, order } = drainage;
  const total = new Float64Array(order.length);
  for (let at = order.length - 1; at >= 0; at--) {
    const cell = order[at]!;
    const sum = Math.max(0, total[cell]! + amount(cell));
    total[cell] = sum;
    const next = receiver[cell]!;
    if (next !== cell) total[next] = total[next]! + sum;
  }
  return total;
}

/** A binary heap of cells by key, in typed arrays: each cell enters once. */
function makeMinQueue(capacity: number): {
  size(): number;
  push(cell: number, key: number): void;
  pop(): number;
} {
  const cells = new Int32Array(capacity);
  const keys = new Float32Array(capacity);
  let size = 0;
  const push = (cell: number, key: number): void => {
    let at = size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (keys[parent]! <= key) break;
      keys[at] = keys[parent]!;
      cells[at] = cells[parent]!;
      at = parent;
    }
    keys[at] = key;
    cells[at] = cell;
  };
  const pop = (): number => {
    const top = cells[0]!;
    size--;
    const key = keys[size]!;
    const cell = cells[size]!;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && keys[child + 1]! < keys[child]!) child++;
      if (keys[child]! >= key) break;
      keys[at] = keys[child]!;
      cells[at] = cells[child]!;
      at = child;
    }
    keys[at] = key;
    cells[at] = cell;
    return top;
  };
  return { size: () => size, push, pop };
}
