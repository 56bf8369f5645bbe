import { GlofError } from "@glof/core";
import type * as tf from "@tensorflow/tfjs-core";
import type { ParamSpec, Params } from "../types.js";

/** Disposes every tensor of a record; those disposed already are passed over. */
export function disposeParams(params: Params): void {
  for (const tensor of Object.values(params)) if (!tensor.isDisposed) tensor.dispose();
}

/**
 * The parameters below a prefix, named without it: `subParams(params, "blocks.0.")["attn.qkv.weight"]`.
 * The tensors are the same ones.
 *
 * @throws GlofError `parameter-mismatch` when nothing has that prefix
 */
export function subParams(params: Params, prefix: string): Params {
  // Each block of each forward pass asks: no lists of all names in between.
  const found: Record<string, tf.Tensor> = {};
  let count = 0;
  for (const name in params) {
    if (!name.startsWith(prefix)) continue;
    found[name.slice(prefix.length)] = params[name]!;
    count++;
  }
  if (count === 0) {
    throw new GlofError(
      "parameter-mismatch",
      `subParams: expected parameters under ${prefix}, got none among ${Object.keys(params).length}. ` +
        "Check the prefix and its final dot.",
      { prefix },
    );
  }
  return found;
}

/** How many numbers a model holds: those gradients reach and, apart, buffers. */
export function countParams(specs: readonly ParamSpec[]): { weights: number; buffers: number } {
  const count = (kind: ParamSpec["kind"]): number =>
    specs
      .filter((spec) => spec.kind === kind)
      .reduce((sum, spec) => sum + spec.shape.reduce((a, b) => a * b, 1), 0);
  return { weights: count("weight"), buffers: count("buffer") };
}

/** What `partition` gives: the same tensors in two records. */
export interface Partition {
  readonly trainable: Params;
  readonly frozen: Params;
}

/**
 * Sorts parameters by ordered rules on their names; the first that matches decides.
 *
 * @throws GlofError `bad-config` when a parameter is matched by no rule or a rule decides no parameter (misspelt, or
 *   shadowed by earlier rules)
 */
export function partition(
  params: Params,
  rules: readonly (readonly [pattern: RegExp, what: "train" | "freeze"])[],
): Partition {
  const uses = rules.map(() => 0);
  const trainable: Record<string, tf.Tensor> = {};
  const frozen: Record<string, tf.Tensor> = {};
  const unmatched: string[] = [];
  for (const [name, tensor] of Object.entries(params)) {
    const index = rules.findIndex(([pattern]) => name.search(pattern) !== -1);
    if (index === -1) {
      unmatched.push(name);
      continue;
    }
    uses[index]!++;
    (rules[index]![1] === "train" ? trainable : frozen)[name] = tensor;
  }
  const idle = rules.filter((_, index) => uses[index] === 0).map(([pattern]) => String(pattern));
  if (unmatched.length > 0 || idle.length > 0) {
    throw new GlofError(
      "bad-config",
      "partition: expected every rule to decide some parameter and every parameter to be decided, " +
        `got rules without effect [${idle.join(", ")}] and parameters without a rule [${unmatched.join(", ")}]. ` +
        'Correct the patterns, or end with [/.*/, "freeze"].',
      { idle, unmatched },
    );
  }
  return { trainable, frozen };
}
