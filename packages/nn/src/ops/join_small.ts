import type * as tf from "@tensorflow/tfjs-core";
import { useGradientKernel, useKernel } from "../kernels/door.js";

/** Tensors of which small ones lie together, for arithmetic that treats every number alike. */
export interface JoinedTensors {
  /** The large tensors with their shapes, and the small ones in a few flat tensors. Fresh tensors. */
  readonly parts: readonly tf.Tensor[];
  /** Turns one result per part, of its shape, into one tensor per tensor that was joined: fresh ones, in their order. */
  split(results: readonly tf.Tensor[]): tf.Tensor[];
}

/** Copying more to and fro costs even a slow memory (50 GB/s) more than the dispatch that it saves. */
const mostNumbers = 2 ** 16;
/** 64 MiB: half of what every device takes as one buffer. */
const mostTogether = 2 ** 24;

/**
 * Puts small tensors together where starting an operation costs more than copying them (WebGPU); elsewhere the parts are the
 * tensors. Lists of the same shapes in the same order are joined alike. Not differentiable.
 */
export function joinSmall(tensors: readonly tf.Tensor[]): JoinedTensors {
  const [join, split] = [useKernel("GlofJoin"), useGradientKernel("GlofSplit")];
  const canJoin = join !== undefined && split !== undefined;
  const layout = canJoin ? layoutOf(tensors.map(({ size }) => size)) : tensors.map((_, at) => [at]);
  const parts = layout.map((members) => {
    const [first, ...more] = members.map((at) => tensors[at]!);
    if (!canJoin || more.length === 0) return first!.clone();
    return join(Object.fromEntries(members.map((at) => [`t${at}`, tensors[at]!])));
  });
  return {
    parts,
    split(results) {
      const apart: tf.Tensor[] = [];
      for (const [index, members] of layout.entries()) {
        const result = results[index]!;
        const shapes = members.map((at) => tensors[at]!.shape);
        const pieces =
          canJoin && members.length > 1 ? split({ joint: result }, { shapes }) : [result.clone()];
        for (const [order, at] of members.entries()) apart[at] = pieces[order]!;
      }
      return apart;
    },
  };
}

/** Which tensors make up each part. */
function layoutOf(sizes: readonly number[]): number[][] {
  const parts: number[][] = [];
  let open: { members: number[]; size: number } | undefined;
  for (const [at, size] of sizes.entries()) {
    if (size > mostNumbers || size === 0) {
      parts.push([at]);
      continue;
    }
    if (open === undefined || open.size + size > mostTogether) {
      open = { members: [], size: 0 };
      parts.push(open.members);
    }
    open.members.push(at);
    open.size += size;
  }
  return parts;
}
