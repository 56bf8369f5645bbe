import type { Params } from "@glof/nn";
import { adamW, disposeOptimizerState, type OptimizerState } from "@glof/train";
import * as tf from "@tensorflow/tfjs-core";
import type { PrepareWork } from "./serve.js";
import { adamSettings, blockShapes, tensorOf } from "./tf_tools.js";

/** AdamW over the tensors of a transformer, step after step. */
export const adamWork: PrepareWork = (args) => {
  const shapes = blockShapes(args);
  const make = (salt: number): Params =>
    Object.fromEntries(shapes.map((shape, at) => [String(at), tensorOf(tf, shape, 2 * at + salt)]));
  const optimizer = adamW(adamSettings);
  const grads = make(2);
  let [params, state]: [Params, OptimizerState] = [make(1), {}];
  return {
    run() {
      const next = optimizer.update(params, grads, state);
      tf.dispose({ ...params });
      disposeOptimizerState(state);
      [params, state] = [next.params, next.state];
    },
    async output() {
      const first = make(1);
      const next = optimizer.update(first, grads, {});
      const ends = [0, shapes.length - 2, shapes.length - 1];
      const parts = await Promise.all(ends.map((at) => next.params[String(at)]!.data<"float32">()));
      tf.dispose([{ ...first }, { ...next.params }]);
      disposeOptimizerState(next.state);
      return parts;
    },
    dispose() {
      tf.dispose([{ ...params }, { ...grads }]);
      disposeOptimizerState(state);
    },
  };
};
