import { GlofError, seededRng } from "@glof/core";

/**
 * How many patches of each group (glacier, scene) to keep so that `target` are left in all and none loses its last: n' = 1 +
 * round((n - 1) (T - G) / (Σn - G)) with T the target and G the number of groups; what rounding leaves over or short is taken
 * one by one from the groups with the most left (DL4GAM's subsample_train_ds). Halves are rounded to even, as in Python.
 *
 * @param counts patches of each group, each at least 1
 * @returns numbers in the same order; they add up to `target` and never exceed `counts`
 * @throws GlofError `bad-argument` for empty groups, a target below the number of groups or above all patches
 */
export function subsampleCounts(counts: readonly number[], target: number): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const groups = counts.length;
  const areCounts = counts.every((count) => Number.isSafeInteger(count) && count >= 1);
  if (!areCounts || !Number.isSafeInteger(target) || target < groups || target > total || groups === 0) {
    throw new GlofError(
      "bad-argument",
      `subsampleCounts: expected groups of at least 1 patch and a target from ${groups} to ${total}, got ${target} of ` +
        `[${counts.slice(0, 8).join(", ")}${groups > 8 ? ", …" : ""}]. Choose a target in that range.`,
      { target, total, groups },
    );
  }
  if (total === groups) return [...counts];
  const kept = counts.map((count) => 1 + roundHalfEven(((count - 1) * (target - groups)) / (total - groups)));
  settle(kept, counts, target);
  return kept;
}

/** Adds or takes one each of the largest groups until the sum is right. */
function settle(kept: number[], counts: readonly number[], target: number): void {
  let difference = target - kept.reduce((sum, count) => sum + count, 0);
  while (difference !== 0) {
    const step = Math.sign(difference);
    const largestFirst = kept
      .map((count, group) => ({ count, group }))
      .sort((a, b) => b.count - a.count || b.group - a.group);
    for (const { group } of largestFirst) {
      const next = kept[group]! + step;
      if (difference === 0) break;
      if (next < 1 || next > counts[group]!) continue;
      kept[group] = next;
      difference -= step;
    }
  }
}

/**
 * Keeps `target` of the items at random, without replacement, each group by `subsampleCounts`.
 *
 * @param groupOf group of an item, such as its glacier
 * @param seed same seed, same items; the seed of the model in DL4GAM
 * @returns items in their order
 * @throws GlofError as `subsampleCounts`
 */
export function subsample<Item>(
  items: readonly Item[],
  groupOf: (item: Item) => string,
  target: number,
  seed: number | string,
): Item[] {
  const groups = new Map<string, number[]>();
  items.forEach((item, index) => {
    const name = groupOf(item);
    const members = groups.get(name);
    if (members) members.push(index);
    else groups.set(name, [index]);
  });
  const names = [...groups.keys()];
  const kept = subsampleCounts(
    names.map((name) => groups.get(name)!.length),
    target,
  );
  const chosen = names.flatMap((name, group) =>
    // A stream per group: what one holds does not change what is drawn of another.
    seededRng(`${seed}/subsample/${name}`).shuffle(groups.get(name)!).slice(0, kept[group]!),
  );
  return chosen.sort((a, b) => a - b).map((index) => items[index]!);
}

function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}
