import type { Envelope } from "../geopackage/geometry_blob.js";
import { indexEntryBytes } from "./format_facts.js";

/** A shape's rectangle and where its message begins, counted from the first one. */
export interface IndexEntry {
  readonly envelope: Envelope;
  readonly offset: number;
}

/** Entries of all levels of an index, its size in bytes divided by `indexEntryBytes`; root first, leaves last. */
export function levelSizes(count: number, nodeSize: number): number[] {
  const sizes = [count];
  while (sizes[0]! > 1) sizes.unshift(Math.ceil(sizes[0]! / nodeSize));
  // One shape alone still has a root above it.
  if (sizes.length === 1) sizes.unshift(1);
  return sizes;
}

/**
 * FlatGeobuf's packed Hilbert R-tree (flatgeobuf.org, "Spatial index"): `nodeSize` neighbours share a parent, which holds
 * the rectangle round them and the number of the first of them.
 *
 * @param leaves in the order of the file
 */
export function formatPackedIndex(leaves: readonly IndexEntry[], nodeSize: number): Uint8Array {
  const sizes = levelSizes(leaves.length, nodeSize);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const view = new DataView(new ArrayBuffer(total * indexEntryBytes));
  let level = leaves;
  let start = total;
  for (let depth = sizes.length - 1; depth >= 0; depth--) {
    start -= sizes[depth]!;
    level.forEach((entry, index) => {
      writeEntry(view, (start + index) * indexEntryBytes, entry);
    });
    const below = level;
    const first = start;
    level = Array.from({ length: sizes[depth - 1] ?? 0 }, (_, parent) => {
      const children = below.slice(parent * nodeSize, (parent + 1) * nodeSize);
      const envelope = children.map((child) => child.envelope).reduce(union);
      return { envelope, offset: first + parent * nodeSize };
    });
  }
  return new Uint8Array(view.buffer);
}

function writeEntry(view: DataView, at: number, { envelope, offset }: IndexEntry): void {
  const [minX, maxX, minY, maxY] = envelope;
  [minX, minY, maxX, maxY].forEach((bound, side) => {
    view.setFloat64(at + 8 * side, bound, true);
  });
  view.setBigUint64(at + 32, BigInt(offset), true);
}

/** The rectangle round two. */
export const union = (a: Envelope, b: Envelope): Envelope => [
  Math.min(a[0], b[0]),
  Math.max(a[1], b[1]),
  Math.min(a[2], b[2]),
  Math.max(a[3], b[3]),
];

/** Place of a rectangle's centre on a Hilbert curve through `extent`: neighbours get near numbers. */
export function hilbertPlace(envelope: Envelope, extent: Envelope): number {
  const cell = (low: number, high: number, from: number, to: number): number =>
    to > from ? Math.floor((65_535 * ((low + high) / 2 - from)) / (to - from)) : 0;
  let x = cell(envelope[0], envelope[1], extent[0], extent[1]);
  let y = cell(envelope[2], envelope[3], extent[2], extent[3]);
  let place = 0;
  for (let side = 32_768; side >= 1; side /= 2) {
    const [right, up] = [x & side ? 1 : 0, y & side ? 1 : 0];
    place += side * side * ((3 * right) ^ up);
    if (up === 1) continue;
    if (right === 1) [x, y] = [65_535 - x, 65_535 - y];
    [x, y] = [y, x];
  }
  return place;
}
