import { GlofError } from "@glof/core";

/** Something on the map that goes into one part as a whole: a glacier, a lake, a scene, a chip. */
export interface SplitEntry {
  readonly id: string;
  /** Its extent, in degrees or metres, all entries in the same CRS. */
  readonly bounds: readonly [minX: number, minY: number, maxX: number, maxY: number];
  /** What the parts are measured in, such as its area; above 0. */
  readonly size: number;
}

/** The part of a split that an entry is in; `"gap"` is left out of all. */
export type SplitPart = "train" | "validation" | "test" | "gap";

/** Options of `geographicSplits`. */
export interface GeographicSplitsOptions {
  /** Default 5. */
  readonly folds?: number;
  /** Share of the total size that validates. Default 0.1. */
  readonly validationShare?: number;
  /** Cut the map from east to west (`"x"`, default) or from north to south (`"y"`). */
  readonly axis?: "x" | "y";
  /**
   * Entries of different parts whose extents are nearer than this leave the part that counts less (training before validation
   * before test): they become `"gap"`. In the unit of the bounds. Default: none leaves.
   */
  readonly buffer?: number;
}

/** One split of the cross-validation. */
export interface GeographicSplit {
  /** From 0. */
  readonly fold: number;
  /** Part of each entry by its id. */
  readonly parts: ReadonlyMap<string, SplitPart>;
}

/**
 * Geographic cross-validation as DL4GAM's (data_cv_split): entries are sorted by their eastern end, from east to west, and cut by
 * their cumulative share of the total size, each counting with its own size. Fold i tests the shares from i/n to (i + 1)/n.
 * Validation is a strip beside the test part, between it and training: all to the west of it in the first fold, all to the
 * east in the last, half on each side otherwise. `buffer` also keeps apart what touches across the cuts.
 *
 * @throws GlofError `bad-argument` for fewer than 2 folds, shares or sizes that are not above 0, repeated ids, bounds that are
 *   no extent
 */
export function geographicSplits(
  entries: readonly SplitEntry[],
  options: GeographicSplitsOptions = {},
): GeographicSplit[] {
  const { folds = 5, validationShare = 0.1, axis = "x", buffer } = options;
  checkEntries(entries, folds, validationShare);
  // From the east by the eastern end, from the north by the northern one. The sort is stable.
  const end = axis === "x" ? 2 : 3;
  const sorted = [...entries].sort((a, b) => b.bounds[end] - a.bounds[end]);
  const total = sorted.reduce((sum, { size }) => sum + size, 0);
  let sum = 0;
  const places = sorted.map(({ size }) => {
    sum += size;
    return sum / total;
  });
  return Array.from({ length: folds }, (_, fold) => {
    // Multiples of a step, as NumPy's linspace; a little beyond 1 for the last entry.
    const step = 1 / folds;
    const test = [fold * step, fold === folds - 1 ? 1 + 1e-4 : (fold + 1) * step] as const;
    const [east, west] = validationSides(fold, folds, validationShare);
    const within = (place: number, from: number, to: number): boolean => from <= place && place < to;
    const parts = new Map(
      sorted.map(({ id }, index): [string, SplitPart] => {
        const place = places[index]!;
        if (within(place, ...test)) return [id, "test"];
        return [id, within(place, test[0] - east, test[1] + west) ? "validation" : "train"];
      }),
    );
    if (buffer !== undefined) leaveGaps(sorted, parts, buffer);
    return { fold, parts };
  });
}

function validationSides(fold: number, folds: number, share: number): readonly [east: number, west: number] {
  if (fold === 0) return [0, share];
  return fold === folds - 1 ? [share, 0] : [share / 2, share / 2];
}

/** Parts in the order in which they give way. */
const order: readonly SplitPart[] = ["gap", "train", "validation", "test"];

function leaveGaps(entries: readonly SplitEntry[], parts: Map<string, SplitPart>, buffer: number): void {
  const byLeft = [...entries].sort((a, b) => a.bounds[0] - b.bounds[0]);
  const leaving = new Set<string>();
  byLeft.forEach((entry, index) => {
    for (let next = index + 1; next < byLeft.length; next++) {
      const other = byLeft[next]!;
      // Later ones start further right; an entry's own width decides where it ends.
      if (other.bounds[0] - entry.bounds[2] >= buffer && other.bounds[0] > entry.bounds[2]) break;
      const [mine, theirs] = [parts.get(entry.id)!, parts.get(other.id)!];
      if (mine === theirs || distance(entry.bounds, other.bounds) >= buffer) continue;
      leaving.add(order.indexOf(mine) < order.indexOf(theirs) ? entry.id : other.id);
    }
  });
  for (const id of leaving) parts.set(id, "gap");
}

/** Between two extents; 0 where they overlap or touch, which is never far enough apart. */
function distance(a: SplitEntry["bounds"], b: SplitEntry["bounds"]): number {
  const dx = Math.max(0, a[0] - b[2], b[0] - a[2]);
  const dy = Math.max(0, a[1] - b[3], b[1] - a[3]);
  return dx === 0 && dy === 0 ? Number.NEGATIVE_INFINITY : Math.hypot(dx, dy);
}

function checkEntries(entries: readonly SplitEntry[], folds: number, share: number): void {
  const insist = (holds: boolean, expected: string, got: string): void => {
    if (holds) return;
    throw new GlofError(
      "bad-argument",
      `geographicSplits: expected ${expected}, got ${got}. Correct the entries.`,
    );
  };
  insist(Number.isSafeInteger(folds) && folds >= 2, "at least 2 folds", `${folds}`);
  insist(
    share >= 0 && share < 1 - 1 / folds,
    "a validationShare that leaves something to train on",
    `${share}`,
  );
  insist(
    new Set(entries.map(({ id }) => id)).size === entries.length,
    "an id of its own for each entry",
    "one twice",
  );
  for (const { id, bounds, size } of entries) {
    insist(size > 0 && Number.isFinite(size), `a size above 0 for ${id}`, `${size}`);
    insist(
      bounds.every(Number.isFinite) && bounds[0] <= bounds[2] && bounds[1] <= bounds[3],
      `[minX, minY, maxX, maxY] for ${id}`,
      `[${bounds.join(", ")}]`,
    );
  }
}
