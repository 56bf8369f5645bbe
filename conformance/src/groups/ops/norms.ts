import { type BatchNormStatistics, batchNorm, groupNorm } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import type { CaseContext, CaseRunner } from "../../case.js";
import { imageToFile, layerWithGradients } from "./objective.js";

const normInputs = (context: CaseContext) => ({
  x: context.image("in.x"),
  weight: context.tensor("p.weight"),
  bias: context.tensor("p.bias"),
});

interface BatchNormFacts {
  readonly training: boolean;
  readonly momentum?: number;
  readonly eps: number;
  readonly running_mean_start: number[];
  readonly running_var_start: number[];
}

/** `torch.nn.BatchNorm2d`, with its running statistics after a training pass. */
export const batchNormCase: CaseRunner = (context) => {
  const { training, momentum, eps, ...start } = context.golden.options as unknown as BatchNormFacts;
  const runningMean = tf.tensor1d(start.running_mean_start);
  const runningVar = tf.tensor1d(start.running_var_start);
  const statistics: BatchNormStatistics[] = [];
  const results = layerWithGradients(
    context,
    normInputs(context),
    ({ x, weight, bias }) =>
      batchNorm(
        x!,
        { weight: weight!, bias: bias!, runningMean, runningVar },
        { training, momentum, epsilon: eps, onStatistics: (news) => statistics.push(news) },
      ),
    imageToFile,
  );
  const [after] = statistics;
  return after
    ? { ...results, "out.running_mean": after.runningMean, "out.running_var": after.runningVar }
    : results;
};

/** `torch.nn.GroupNorm`. */
export const groupNormCase: CaseRunner = (context) => {
  const { groups, eps } = context.golden.options as { groups: number; eps: number };
  return layerWithGradients(
    context,
    normInputs(context),
    ({ x, weight, bias }) => groupNorm(x as tf.Tensor4D, weight!, bias!, { groups, epsilon: eps }),
    imageToFile,
  );
};
