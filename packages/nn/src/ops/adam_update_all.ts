import * as tf from "@tensorflow/tfjs-core";
import type { AdamMoments, AdamNumbers, AdamUpdate } from "./adam_types.js";
import { adamUpdate } from "./adam_update.js";
import { joinSmall } from "./join_small.js";

/** One parameter before an update by Adam: `adamUpdate`'s arguments. */
export interface AdamEntry {
  readonly param: tf.Tensor;
  readonly grad: tf.Tensor;
  readonly before: AdamMoments;
  readonly numbers: AdamNumbers;
}

/** Options of `adamUpdateAll`. */
export interface AdamUpdateOptions {
  /**
   * The tensors of the entries are given up: each is disposed as soon as it was used, so that parameters and moments are not all
   * there twice. Default false.
   */
  readonly donate?: boolean;
}

/**
 * `adamUpdate` of many parameters. On WebGPU small parameters that share all their numbers take one pass together: the results
 * are the same, bit for bit.
 *
 * @returns one update per entry, in their order
 */
export function adamUpdateAll(
  entries: readonly AdamEntry[],
  { donate = false }: AdamUpdateOptions = {},
): AdamUpdate[] {
  const sets = new Map<string, number[]>();
  for (const [at, { before, numbers }] of entries.entries()) {
    const key = keyOf(before, numbers);
    sets.set(key, [...(sets.get(key) ?? []), at]);
  }
  const updates: AdamUpdate[] = [];
  for (const members of sets.values()) {
    const together = updateSet(
      members.map((at) => entries[at]!),
      donate,
    );
    for (const [order, at] of members.entries()) updates[at] = together[order]!;
  }
  return updates;
}

function keyOf({ mean, square, largest }: AdamMoments, numbers: AdamNumbers): string {
  const { beta1, beta2, epsilon, amsgrad, shrink, l2, stepSize, spreadScale } = numbers;
  const known = [mean, square, largest].map((moment) => moment !== undefined);
  return [...known, beta1, beta2, epsilon, amsgrad, shrink, l2, stepSize, spreadScale].join();
}

/** Entries of the same numbers, all of them with the same moments or all without. */
function updateSet(entries: readonly AdamEntry[], donate: boolean): AdamUpdate[] {
  const { numbers } = entries[0]!;
  const updates = tf.tidy(() => {
    const { parts, split } = joinSmall(entries.map(({ param }) => param));
    const grads = joinSmall(entries.map(({ grad }) => grad)).parts;
    const [means, squares, largest] = (["mean", "square", "largest"] as const).map((name) =>
      partsOf(entries.map(({ before }) => before[name])),
    );
    // What lies joined is copied, and large tensors have a second handle in the parts.
    if (donate) disposeAll(entries.flatMap(({ param, grad, before }) => [param, grad, ...momentsOf(before)]));
    const next = parts.map((param, at) => {
      const [grad, before] = [
        grads[at]!,
        { mean: means?.[at], square: squares?.[at], largest: largest?.[at] },
      ];
      const update = tidied(() => adamUpdate(param, grad, before, numbers));
      disposeAll([param, grad, ...momentsOf(before)]);
      return update;
    });
    const columns = (["param", "mean", "square"] as const).map((name) => split(next.map((one) => one[name])));
    if (numbers.amsgrad) columns.push(split(next.map((one) => one.largest!)));
    return columns;
  });
  const [params, means, squares, largest] = updates as [tf.Tensor[], tf.Tensor[], tf.Tensor[], tf.Tensor[]?];
  return entries.map((_, at) => {
    const update = { param: params[at]!, mean: means[at]!, square: squares[at]! };
    return largest === undefined ? update : { ...update, largest: largest[at]! };
  });
}

function partsOf(tensors: readonly (tf.Tensor | undefined)[]): readonly tf.Tensor[] | undefined {
  const given = tensors.filter((tensor) => tensor !== undefined);
  return given.length === tensors.length ? joinSmall(given).parts : undefined;
}

const momentsOf = ({ mean, square, largest }: AdamMoments): (tf.Tensor | undefined)[] => [
  mean,
  square,
  largest,
];

const disposeAll = (tensors: readonly (tf.Tensor | undefined)[]): void => {
  for (const tensor of tensors) tensor?.dispose();
};

const tidied = (f: () => AdamUpdate): AdamUpdate =>
  tf.tidy(() => f() as unknown as tf.TensorContainerObject) as unknown as AdamUpdate;
