import { GlofError } from "@glof/core";
import { createRowRuns, findRuns } from "./row_runs.js";

/** Which pixels hang together: by edges (4), or also by corners (8). */
export type Connectivity = 4 | 8;

/** Connected regions of a mask. */
export interface Components {
  /** 0 outside, else 1 to `count`, numbered by each region's first pixel in reading order. */
  readonly labels: Int32Array;
  readonly count: number;
  /** Pixels of each region; index 0 is unused. */
  readonly pixelCounts: Uint32Array;
}

/**
 * Labels the connected regions of a mask's ones: runs of each row are joined with those above by union-find (after
 * He, Chao and Suzuki 2008, "A run-based two-scan labeling algorithm").
 *
 * @param mask `height` rows of `width`; 1 is inside, anything else is not
 * @throws GlofError `shape-mismatch`
 */
export function labelComponents(
  mask: Uint8Array,
  width: number,
  height: number,
  { connectivity = 4 }: { readonly connectivity?: Connectivity } = {},
): Components {
  checkMaskSize("labelComponents", mask, width, height);
  const reach = connectivity === 8 ? 1 : 0;
  const labels = new Int32Array(width * height);
  const parents = [0];
  let [above, row] = [createRowRuns(width), createRowRuns(width)];
  let [aboveLabels, rowLabels] = [new Int32Array(width + 1), new Int32Array(width + 1)];
  for (let y = 0; y < height; y++) {
    findRuns(mask, y * width, width, row);
    let first = 0;
    for (let run = 0; run < row.count / 2; run++) {
      const start = row.edges[2 * run]!;
      const end = row.edges[2 * run + 1]!;
      while (first < above.count / 2 && above.edges[2 * first + 1]! + reach <= start) first++;
      let label = 0;
      for (let other = first; other < above.count / 2 && above.edges[2 * other]! < end + reach; other++) {
        const root = findRoot(parents, aboveLabels[other]!);
        if (label === 0) label = root;
        else if (root !== label) label = join(parents, root, label);
      }
      if (label === 0) label = parents.push(parents.length) - 1;
      rowLabels[run] = label;
      labels.fill(label, y * width + start, y * width + end);
    }
    [above, row] = [row, above];
    [aboveLabels, rowLabels] = [rowLabels, aboveLabels];
  }
  return renumber(labels, parents);
}

/** Final numbers are given in the order of roots, which is the order of first pixels. */
function renumber(labels: Int32Array, parents: readonly number[]): Components {
  const numbers = new Int32Array(parents.length);
  let count = 0;
  // The smaller label is always the root, so roots come before their members.
  for (let label = 1; label < parents.length; label++) {
    numbers[label] = parents[label] === label ? ++count : numbers[parents[label]!]!;
  }
  const pixelCounts = new Uint32Array(count + 1);
  for (let index = 0; index < labels.length; index++) {
    const label = labels[index]!;
    if (label === 0) continue;
    labels[index] = numbers[label]!;
    pixelCounts[numbers[label]!]!++;
  }
  return { labels, count, pixelCounts };
}

function findRoot(parents: number[], label: number): number {
  let root = label;
  while (parents[root] !== root) {
    // Halving the path keeps later searches short.
    parents[root] = parents[parents[root]!]!;
    root = parents[root]!;
  }
  return root;
}

function join(parents: number[], one: number, other: number): number {
  const [low, high] = one < other ? [one, other] : [other, one];
  parents[high] = low;
  return low;
}

/** Refuses masks whose length is not width times height. */
export function checkMaskSize(where: string, mask: ArrayLike<number>, width: number, height: number): void {
  if (
    !(Number.isInteger(width) && Number.isInteger(height) && width >= 1 && height >= 1) ||
    mask.length !== width * height
  ) {
    throw new GlofError(
      "shape-mismatch",
      `${where}: expected ${width} x ${height} pixels, got ${mask.length}. Pass the mask's own width and height.`,
    );
  }
}
