// A loss of your own is a function of logits and target. This one is binary cross-entropy with more weight on lake shores,
// where areas are won or lost; it combines with the losses of the library.
import { bceWithLogits, diceLoss, weightedSum } from "@glof/losses";
import { maxPool2d, valueAndGrad } from "@glof/nn";
import { releaseBackend, selectBackend } from "@glof/runtime";
import * as tf from "@tensorflow/tfjs-core";

await selectBackend({ prefer: ["wasm"] });

/** 1 within one pixel of a shore, else 0. [N, H, W, 1] */
const shore = (lake) =>
  tf.tidy(() => {
    const grown = maxPool2d(lake, 3, { stride: 1, padding: 1 });
    const shrunk = tf.sub(1, maxPool2d(tf.sub(1, lake), 3, { stride: 1, padding: 1 }));
    return tf.sub(grown, shrunk);
  });
const shoreLoss = (logits, target) => {
  const weight = tf.add(1, tf.mul(4, shore(target)));
  return bceWithLogits(logits, target, { weight });
};
const loss = weightedSum([
  [0.5, shoreLoss],
  [0.5, diceLoss],
]);

const target = tf.tensor4d([0, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0], [1, 4, 4, 1]);
const logits = tf.zeros([1, 4, 4, 1]);
const { value, grads } = valueAndGrad((trainable) => loss(trainable.logits, target), { logits });
console.log(`loss ${(await value.data())[0].toFixed(4)}`);
console.log(
  "steepest at the shore:",
  Array.from(await grads.logits.data(), (slope) => slope.toFixed(2)).join(" "),
);

tf.dispose([target, logits, value, grads.logits]);
await releaseBackend();
