import * as tf from "@tensorflow/tfjs-core";

/** Kernels that take or give a list of tensors; tfjs wants their whole configuration. */
type ListGradient = Parameters<typeof tf.registerGradient>[0];

const one = (dy: tf.Tensor | tf.Tensor[]): tf.Tensor => (Array.isArray(dy) ? dy[0]! : dy);
const many = (dy: tf.Tensor | tf.Tensor[]): tf.Tensor[] => (Array.isArray(dy) ? dy : [dy]);

const byIndex = (count: number, gradient: (index: number) => tf.Tensor): Record<string, () => tf.Tensor> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [String(index), () => gradient(index)]));

const addN: ListGradient = {
  kernelName: "AddN",
  saveAllInputs: true,
  gradFunc: (dy, saved) => byIndex(saved.length, () => one(dy)),
};

const concat: ListGradient = {
  kernelName: "Concat",
  saveAllInputs: true,
  gradFunc: (dy, saved, attributes) => {
    const axis = tf.util.parseAxisParam(attributes.axis as number, saved[0]!.shape)[0]!;
    const starts: number[] = [];
    let start = 0;
    for (const part of saved) {
      starts.push(start);
      start += part.shape[axis]!;
    }
    return byIndex(saved.length, (index) => {
      const begin = saved[index]!.shape.map((_, at) => (at === axis ? starts[index]! : 0));
      return tf.slice(one(dy), begin, saved[index]!.shape);
    });
  },
};

const pack: ListGradient = {
  kernelName: "Pack",
  saveAllInputs: true,
  gradFunc: (dy, saved, attributes) => {
    const axis = attributes.axis as number;
    return byIndex(saved.length, (index) => {
      const begin = one(dy).shape.map((_, at) => (at === axis ? index : 0));
      const size = one(dy).shape.map((length, at) => (at === axis ? 1 : length));
      return tf.reshape(tf.slice(one(dy), begin, size), saved[index]!.shape);
    });
  },
};

const unpack: ListGradient = {
  kernelName: "Unpack",
  gradFunc: (dy, _, attributes) => ({ value: () => tf.stack(many(dy), attributes.axis as number) }),
};

const split: ListGradient = {
  kernelName: "SplitV",
  gradFunc: (dy, _, attributes) => ({ x: () => tf.concat(many(dy), attributes.axis as number) }),
};

/** Joining and splitting. */
export const listGradients: readonly ListGradient[] = [addN, concat, pack, unpack, split];
