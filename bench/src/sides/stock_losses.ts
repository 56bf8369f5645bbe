import type * as tf from "@tensorflow/tfjs-core";
import type { PrepareWork } from "./serve.js";
import { lossInputs, textOf } from "./tf_tools.js";

/** The losses as compositions of public functions of TensorFlow.js, their gradients by its tape. */
export function stockLoss(engine: typeof tf): PrepareWork {
  return (args) => {
    const { logits, target } = lossInputs(engine, args);
    const loss = stockLosses(engine)[textOf(args, "loss") as "bce"];
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

/** The losses by their names. */
export function stockLosses(engine: typeof tf): Readonly<Record<"bce" | "dice" | "lovaszHinge", StockLoss>> {
  return {
    bce: (logits, target) => engine.losses.sigmoidCrossEntropy(target, logits),
    dice: (logits, target) => {
      const prob = engine.sigmoid(logits);
      const overlap = engine.sum(engine.mul(prob, target));
      const size = engine.maximum(engine.add(engine.sum(prob), engine.sum(target)), 1e-7);
      return engine.sub(1, engine.div(engine.mul(overlap, 2), size));
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
