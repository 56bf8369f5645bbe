import {
  bceWithLogits,
  crossEntropy,
  diceLoss,
  type EmptyOptions,
  focalLoss,
  jaccardLoss,
  type LossMode,
  lovaszHinge,
  lovaszSoftmax,
  mccLoss,
  tverskyLoss,
} from "@glof/losses";
import { valueAndGrad } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import type { CaseContext, CaseRunner, Got, GroupRunners } from "../case.js";
import { toNchw, toNhwc } from "../layouts.js";

/** Options of the cases, in the reference's spelling. */
interface Options {
  readonly mode: LossMode;
  readonly per_image?: boolean;
  readonly ignore?: number | null;
  readonly ignore_index?: number;
  readonly classes?: "present" | "all" | number[];
  readonly activation?: string;
  readonly smooth?: number;
  readonly eps?: number;
  readonly log_loss?: boolean;
  readonly from_logits?: boolean;
  readonly class_weights?: number[];
  readonly alpha?: number;
  readonly beta?: number;
  readonly gamma?: number;
  readonly normalized?: boolean;
  readonly reduced_threshold?: number;
  readonly reduction?: "mean" | "sum" | "none";
  readonly weight?: number[] | string | null;
  readonly pos_weight?: string;
  readonly smooth_factor?: number;
  readonly label_smoothing?: number;
}

type LossOfLogits = (logits: tf.Tensor, target: tf.Tensor, options: Options) => tf.Tensor;

/** PyTorch's own value where no pixel counts. */
const likeTorch: EmptyOptions = { empty: "nan" };

/** Value and gradient of a loss; a map of losses is differentiated by its sum. */
function lossRunner(loss: (context: CaseContext) => LossOfLogits): CaseRunner {
  return async (context) => {
    const options = context.golden.options as unknown as Options;
    const hasClasses = context.shape("in.logits").length === 4;
    const target = context.tensor("in.target");
    const logits = hasClasses ? context.image("in.logits") : context.tensor("in.logits");
    const labels = target.rank === 4 ? toNhwc(target) : target;
    const run = loss(context);
    const value = run(logits, labels, options);
    const { grads } = valueAndGrad(({ x }) => tf.sum(run(x!, labels, options)) as tf.Scalar, { x: logits });
    const gradient = hasClasses ? toNchw(grads.x!) : grads.x!;
    return { "out.loss": await toFile(value, context), "grad.logits": gradient } satisfies Record<
      string,
      Got
    >;
  };
}

/** A map of losses in the shape of the file. */
async function toFile(value: tf.Tensor, { golden }: CaseContext): Promise<tf.Tensor> {
  const shape = golden.expected["out.loss"]?.shape ?? [];
  // Where no pixel counts, the reference's Lovasz softmax is an empty tensor and ours is 0.
  if (shape.includes(0) && (await value.data())[0] === 0) return tf.zeros([...shape]);
  const map = value.rank === 4 ? toNchw(value) : value;
  return tf.reshape(map, [...shape]);
}

const ignoreOf = ({ ignore, ignore_index }: Options): number | null => ignore ?? ignore_index ?? null;

const region = (options: Options) => ({
  mode: options.mode,
  ignore: ignoreOf(options),
  smooth: options.smooth,
  epsilon: options.eps,
  logLoss: options.log_loss,
  fromLogits: options.from_logits,
  classes: options.classes as number[] | undefined,
  classWeights: options.class_weights,
  alpha: options.alpha,
  beta: options.beta,
  gamma: options.gamma,
});

const hinge: LossOfLogits = (logits, target, options) =>
  lovaszHinge(logits, target, { perImage: options.per_image, ignore: ignoreOf(options) });

const softmaxLovasz: LossOfLogits = (logits, target, options) =>
  lovaszSoftmax(logits, target, {
    classes: options.classes,
    perImage: options.per_image,
    ignore: ignoreOf(options),
    activation: options.activation?.includes("sigmoid") ? "sigmoid" : "softmax",
  });

/** The reference takes the mean over classes whatever the reduction: its "none" is a mean for several classes. */
const focal: LossOfLogits = (logits, target, options) => {
  const { mode, reduction } = options;
  return focalLoss(logits, target, {
    ...likeTorch,
    mode,
    ignore: ignoreOf(options),
    alpha: options.alpha,
    gamma: options.gamma,
    normalized: options.normalized,
    reducedThreshold: options.reduced_threshold,
    classWeights: options.class_weights,
    fromLogits: options.from_logits,
    epsilon: options.eps,
    reduction: (reduction === "none" && mode !== "binary" ? "mean" : reduction) as "mean",
  });
};

/** A weight named by `options`, in memory layout; it broadcasts to the logits. */
function namedWeight(context: CaseContext, name: string | undefined): tf.Tensor | undefined {
  if (name === undefined) return undefined;
  const weight = context.tensor(name);
  return weight.rank === 4 ? toNhwc(weight) : weight;
}

const bce =
  (normalizeBy: "valid" | "all"): ((context: CaseContext) => LossOfLogits) =>
  (context) =>
  (logits, target, options) =>
    bceWithLogits(logits, target, {
      ...likeTorch,
      normalizeBy,
      ignore: ignoreOf(options),
      weight: namedWeight(context, options.weight as string | undefined),
      posWeight: namedWeight(context, options.pos_weight),
      smoothFactor: options.smooth_factor,
      reduction: options.reduction as "mean",
    });

const entropy: LossOfLogits = (logits, target, options) =>
  crossEntropy(logits, target, {
    ...likeTorch,
    ignore: ignoreOf(options),
    weight: (options.weight as number[] | null) ?? undefined,
    labelSmoothing: options.label_smoothing,
    reduction: options.reduction as "mean",
  });

const softEntropy: LossOfLogits = (logits, target, options) =>
  crossEntropy(logits, target, {
    ignore: ignoreOf(options),
    labelSmoothing: options.smooth_factor,
    normalizeBy: "all",
    reduction: options.reduction as "mean",
  });

const plain = (loss: LossOfLogits): CaseRunner => lossRunner(() => loss);

/** Golden cases of the losses. */
export const group: GroupRunners = {
  runners: {
    lovasz_hinge: plain(hinge),
    lovasz_softmax: plain(softmaxLovasz),
    binary_xloss: lossRunner(bce("valid")),
    "smp.DiceLoss": plain((logits, target, options) => diceLoss(logits, target, region(options))),
    "smp.JaccardLoss": plain((logits, target, options) => jaccardLoss(logits, target, region(options))),
    "smp.TverskyLoss": plain((logits, target, options) => tverskyLoss(logits, target, region(options))),
    "smp.FocalLoss": plain(focal),
    "smp.LovaszLoss": plain((logits, target, options) =>
      (options.mode === "multiclass" ? softmaxLovasz : hinge)(logits, target, options),
    ),
    binary_cross_entropy_with_logits: lossRunner(bce("all")),
    "smp.SoftBCEWithLogitsLoss": lossRunner(bce("all")),
    cross_entropy: plain(entropy),
    "smp.SoftCrossEntropyLoss": plain(softEntropy),
    "smp.MCCLoss": plain((logits, target, options) => mccLoss(logits, target, { epsilon: options.eps })),
  },
};
