import * as tf from "@tensorflow/tfjs-core";
import type { GradientRule } from "./gradient_rule.js";
import { stridedSliceGradient } from "./strided_slice.js";

/** A kernel that only regroups: its gradient takes the input's shape back. */
function regroup(kernelName: string, input: string): GradientRule {
  return {
    kernelName,
    saveInputs: [input],
    gradient: (dy, saved) => ({ [input]: () => tf.reshape(dy, saved[0]!.shape) }),
  };
}

/** The inverse of a permutation. */
export function inversePermutation(permutation: readonly number[]): number[] {
  const inverse = new Array<number>(permutation.length);
  for (const [to, from] of permutation.entries()) inverse[from] = to;
  return inverse;
}

const sliceGradient: GradientRule = {
  kernelName: "Slice",
  saveInputs: ["x"],
  gradient: (dy, saved, { begin, size }) => ({
    x: () => {
      const { shape } = saved[0]!;
      const [starts] = tf.slice_util.parseSliceParams(saved[0]!, begin as number[], size as number[]);
      const pads = shape.map((length, axis): [number, number] => [
        starts![axis]!,
        length - starts![axis]! - dy.shape[axis]!,
      ]);
      return tf.pad(dy, pads);
    },
  }),
};

/** Sums the copies: each axis is split into [copies, size]. */
const tileGradient: GradientRule = {
  kernelName: "Tile",
  saveInputs: ["x"],
  gradient: (dy, saved, { reps }) => ({
    x: () => {
      const { shape } = saved[0]!;
      let sum = dy;
      for (const [axis, copies] of (reps as number[]).entries()) {
        if (copies === 1) continue;
        const before = sum.shape.slice(0, axis);
        const after = sum.shape.slice(axis + 1);
        sum = tf.sum(tf.reshape(sum, [...before, copies, shape[axis]!, ...after]), axis);
      }
      return tf.reshape(sum, shape);
    },
  }),
};

const padGradient: GradientRule = {
  kernelName: "PadV2",
  saveInputs: ["x"],
  gradient: (dy, saved, { paddings }) => ({
    x: () => {
      const starts = (paddings as [number, number][]).map(([before]) => before);
      return tf.slice(dy, starts, saved[0]!.shape);
    },
  }),
};

const selectGradient: GradientRule = {
  kernelName: "Select",
  saveInputs: ["condition"],
  gradient: (dy, saved) => {
    const zeros = () => tf.zerosLike(dy);
    return {
      condition: zeros,
      t: () => tf.where(saved[0]!, dy, zeros()),
      e: () => tf.where(saved[0]!, zeros(), dy),
    };
  },
};

const reverseGradient: GradientRule = {
  kernelName: "Reverse",
  gradient: (dy, _, { dims }) => ({ x: () => tf.reverse(dy, dims as number[]) }),
};

/** Movements of values that change no value. */
export const shapeGradients: readonly GradientRule[] = [
  regroup("Reshape", "x"),
  regroup("ExpandDims", "input"),
  { kernelName: "Identity", gradient: (dy) => ({ x: () => dy }) },
  { kernelName: "Cast", gradient: (dy) => ({ x: () => tf.cast(dy, "float32") }) },
  {
    kernelName: "Transpose",
    gradient: (dy, _, { perm }) => ({ x: () => tf.transpose(dy, inversePermutation(perm as number[])) }),
  },
  sliceGradient,
  tileGradient,
  padGradient,
  selectGradient,
  reverseGradient,
  stridedSliceGradient,
];
