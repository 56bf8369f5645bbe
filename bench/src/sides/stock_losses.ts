import type * as tf from "@tensorflow/tfjs-core";
import type { PrepareWork } from "./serve.js";
import { lossInputs, textOf } from "./tf_tools.js";

/** The losses as compositions of public functions of TensorFlow.js, their gradients by its tape. */
export function stockLoss(engine: typeof tf): PrepareWork {
  return (args) => {
    const { logits, target } = lossInputs(engine, args);
    const name = textOf(args, "loss");
    const loss = (stockLosses(engine) as Readonly<Record<string, StockLoss>>)[name];
    if (loss === undefined) throw new Error(`${name} is not written for it`);
    const gradient = engine.grad((x) => loss(x, target));
    return {
      run: () => gradient(logits).dispose(),
      async output() {
        const grad = gradient(logits);
        const values = await grad.data<"float32">();
        grad.dispose();
        return values;
      },
      dispose: () => engine.dispose([logits, target]),
    };
  };
}

/** A loss of logits and a target of 0 and 1. */
type StockLoss = (logits: tf.Tensor, target: tf.Tensor) => tf.Tensor;

type StockLossName =
  | "bce"
  | "dice"
  | "lovaszHinge"
  | "focal"
  | "tversky"
  | "crossEntropy"
  | "classFocal"
  | "classDice";

/** The losses by their names. */
export function stockLosses(engine: typeof tf): Readonly<Record<StockLossName, StockLoss>> {
  const rowsOf = (logits: tf.Tensor): tf.Tensor2D => engine.reshape(logits, [-1, logits.shape.at(-1)!]);
  const oneHot = (logits: tf.Tensor, target: tf.Tensor): tf.Tensor2D =>
    engine.cast(
      engine.oneHot(engine.cast(engine.reshape(target, [-1]), "int32"), logits.shape.at(-1)!),
      "float32",
    ) as tf.Tensor2D;
  const focalOf = (logits: tf.Tensor, truth: tf.Tensor): tf.Tensor => {
    const softplus = engine.add(
      engine.relu(engine.neg(logits)),
      engine.log1p(engine.exp(engine.neg(engine.abs(logits)))),
    );
    const entropy = engine.add(engine.mul(engine.sub(1, truth), logits), softplus);
    return engine.mul(engine.square(engine.sub(1, engine.exp(engine.neg(entropy)))), entropy);
  };
  return {
    bce: (logits, target) => engine.losses.sigmoidCrossEntropy(target, logits),
    dice: (logits, target) => {
      const prob = engine.sigmoid(logits);
      const overlap = engine.sum(engine.mul(prob, target));
      const size = engine.maximum(engine.add(engine.sum(prob), engine.sum(target)), 1e-7);
      return engine.sub(1, engine.div(engine.mul(overlap, 2), size));
    },
    focal: (logits, target) => engine.mean(focalOf(logits, target)),
    tversky: (logits, target) => {
      const prob = engine.sigmoid(logits);
      const overlap = engine.sum(engine.mul(prob, target));
      const [over, under] = [prob, target].map((one) => engine.sub(engine.sum(one), overlap));
      const size = engine.add(overlap, engine.add(engine.mul(over!, 0.3), engine.mul(under!, 0.7)));
      return engine.sub(1, engine.div(overlap, engine.maximum(size, 1e-7)));
    },
    crossEntropy: (logits, target) =>
      engine.losses.softmaxCrossEntropy(oneHot(logits, target), rowsOf(logits)),
    classFocal: (logits, target) => engine.mean(focalOf(rowsOf(logits), oneHot(logits, target))),
    classDice: (logits, target) => {
      const [prob, truth] = [engine.softmax(rowsOf(logits)), oneHot(logits, target)];
      const overlap = engine.sum(engine.mul(prob, truth), 0);
      const size = engine.maximum(engine.add(engine.sum(prob, 0), engine.sum(truth, 0)), 1e-7);
      return engine.mean(engine.sub(1, engine.div(engine.mul(overlap, 2), size)));
    },
    lovaszHinge: (logits, target) => {
      const [x, labels] = [engine.reshape(logits, [-1]), engine.reshape<tf.Rank.R1>(target, [-1])];
      const errors = engine.sub<tf.Tensor1D>(1, engine.mul(x, engine.sub(engine.mul(labels, 2), 1)));
      // topk has no gradient: the order comes from it, the values by gather.
      const { indices } = engine.topk(errors, errors.size, true);
      const truth = engine.gather(labels, indices);
      const total = engine.sum(truth);
      const intersection = engine.sub(total, engine.cumsum(truth));
      const union = engine.add(total, engine.cumsum(engine.sub(1, truth)));
      const jaccard = engine.sub<tf.Tensor1D>(1, engine.div(intersection, union));
      const before = engine.concat([engine.zeros([1]), engine.slice(jaccard, 0, jaccard.size - 1)]);
      return engine.sum(engine.mul(engine.relu(engine.gather(errors, indices)), engine.sub(jaccard, before)));
    },
  };
}
