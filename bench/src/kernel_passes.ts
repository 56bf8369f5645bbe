import {
  bceWithLogits,
  crossEntropy,
  focalLoss,
  type Loss,
  lovaszHinge,
  lovaszSoftmax,
  weightedSum,
} from "@glof/losses";
import { disposeParams, type ForwardMode, type Params, partition, valueAndGrad } from "@glof/nn";
import { buildLora } from "@glof/peft";
import {
  buildLakeSegmenter,
  buildSmallLakeSegmenterConfig,
  openBundle,
  type SmallLakeSegmenterOptions,
} from "@glof/segmenter";
import {
  adamW,
  clipByGlobalNorm,
  disposeOptimizerState,
  type OptimizerState,
  type TrainableRules,
} from "@glof/train";
import {
  buildLinearHead,
  buildPlainDecoder,
  buildUnetDecoder,
  buildVitUnet,
  type DecoderInput,
  type DecoderMode,
  type PlainDecoderPreset,
} from "@glof/unet-decoder";
import { buildDinov2, buildDinov2Vits14 } from "@glof/vit-dinov2";
import * as tf from "@tensorflow/tfjs-core";
import { tensorOf } from "./sides/tf_tools.js";

/** A pass over a model. */
export interface Pass {
  readonly name: string;
  /** Makes what the pass needs, outside of what is timed. */
  readonly prepare: () => () => Promise<void> | void;
}

const SIDE = 252;
const lakeLoss = weightedSum([
  [1, bceWithLogits],
  [1, lovaszHinge],
]);
const softmaxLosses: Record<string, Loss> = {
  "cross-entropy": crossEntropy,
  focal: (logits, target) => focalLoss(logits, target, { mode: "multiclass" }),
  lovaszSoftmax,
};

interface Trained {
  readonly params: Params;
  readonly logits: (params: Params, mode: DecoderMode) => tf.Tensor;
  readonly classes?: number;
  readonly loss?: Loss;
  readonly rules?: TrainableRules;
}

const image = (channels: number): tf.Tensor4D => tensorOf(tf, [1, SIDE, SIDE, channels], 1) as tf.Tensor4D;

function forward({ params, logits }: Trained): () => void {
  return () => tf.dispose(tf.tidy(() => logits(params, { training: false, seed: 1 })));
}

/** Value, all gradients, clipping and AdamW with its moments; the new weights are let go, so that each step is the same. */
function step({
  params,
  logits,
  classes = 1,
  loss = lakeLoss,
  rules = [[/./, "train"]],
}: Trained): () => Promise<void> {
  const { trainable, frozen } = partition(params, rules);
  const optimizer = adamW({ lr: 1e-4 });
  let state: OptimizerState = {};
  const target = tf.tidy(() => {
    const at = tensorOf(tf, [1, SIDE, SIDE, 1], 2);
    return tf.cast(tf.floor(tf.mul(tf.clipByValue(tf.abs(at), 0, 0.99), Math.max(2, classes))), "float32");
  });
  const mode: DecoderMode = { training: true, seed: 1, onBuffer: (_, value) => value.dispose() };
  return async () => {
    const { value, grads } = valueAndGrad(
      (given) => loss(logits({ ...frozen, ...given }, mode), target),
      trainable,
    );
    const { grads: clipped } = await clipByGlobalNorm(grads, 1);
    const next = optimizer.update(trainable, clipped, state);
    for (const record of [grads, clipped, next.params]) disposeParams(record);
    disposeOptimizerState(state);
    state = next.state;
    value.dispose();
  };
}

function both(name: string, make: () => Trained): Pass[] {
  return [
    { name: `${name}, forward`, prepare: () => forward(make()) },
    { name: `${name}, training step`, prepare: () => step(make()) },
  ];
}

type Vit = Pick<ReturnType<typeof buildDinov2>, "init" | "forward">;

/** A backbone; its loss is the mean square of the patch features. */
function backbone(build: () => Vit, channels = 3): Trained {
  const model = build();
  const x = image(channels);
  return {
    params: model.init(1),
    logits: (params, mode) => model.forward(params, x, mode as ForwardMode).patchTokens,
    loss: (features) => tf.mean(tf.square(features)) as tf.Scalar,
  };
}

interface AnyDecoder {
  init(seed: number): Params;
  forward(params: Params, input: DecoderInput, mode?: DecoderMode): tf.Tensor4D;
}

/** A decoder over random maps. */
function decoder(model: AnyDecoder, widths: readonly number[], strides: readonly number[]): Trained {
  const features = widths.map((channels, i) => {
    const side = Math.ceil(SIDE / strides[i]!);
    return { map: tensorOf(tf, [1, side, side, channels], i) as tf.Tensor4D, stridePx: strides[i]! };
  });
  const x = image(4);
  return {
    params: model.init(1),
    logits: (params, mode) => model.forward(params, { features, image: x }, mode),
  };
}

const threeMaps = [
  [192, 192, 192],
  [14, 14, 14],
] as const;

function vitUnet(norm: "group" | "batch" | "none", classes = 1): Trained {
  const model = buildVitUnet({ featureChannels: [192, 192, 192], imageChannels: 4, norm, classes });
  return { ...decoder(model, ...threeMaps), classes };
}

function plainDecoder(preset: PlainDecoderPreset): Trained {
  return decoder(
    buildPlainDecoder({
      featureChannels: 192,
      preset,
      stages: preset === "crop" ? [64, 32, 16, 16, 16] : [64, 32, 16],
      project: 64,
    }),
    [192],
    [14],
  );
}

function segmenter(sizes: SmallLakeSegmenterOptions = {}, rank?: number): Trained {
  const config = buildSmallLakeSegmenterConfig(sizes);
  const base = buildLakeSegmenter(config);
  const x = image(4);
  if (rank === undefined)
    return { params: base.init(1), logits: (params, mode) => base.forward(params, x, mode as ForwardMode) };
  const lora = buildLora(base, { rank, targets: ["qkv", "proj"] });
  const rules: TrainableRules = [[/^decoder\./, "train"], ...lora.rules];
  return {
    params: lora.init(1),
    rules,
    logits: (params, mode) => lora.forward(params, x, mode as ForwardMode),
  };
}

/** Every path that the models use. */
export async function kernelPasses(shippedModel: string): Promise<readonly Pass[]> {
  const bundle = await openBundle(shippedModel);
  const shipped = buildLakeSegmenter(bundle.config);
  const params = await shipped.load(bundle.checkpoint);
  await bundle.checkpoint.close();
  const small = { embedDim: 192, depth: 6, heads: 3 };
  const vits = { embedDim: 384, depth: 12, heads: 6 };
  return [
    {
      name: "shipped segmenter, forward",
      prepare: () => {
        const x = image(bundle.config.bands.length);
        return forward({ params, logits: (given) => shipped.forward(given, x) });
      },
    },
    ...both("small segmenter", () => segmenter()),
    ...both("small segmenter with LoRA", () => segmenter({}, 8)),
    ...both("ViT-S segmenter", () => segmenter(vits)),
    ...both("ViT-S segmenter with LoRA", () => segmenter(vits, 8)),
    ...both("ViT-S/14", () => backbone(buildDinov2Vits14)),
    ...both("small ViT with SwiGLU", () => backbone(() => buildDinov2({ ...small, ffn: "swiglu" }))),
    ...both("small ViT with 4 registers", () => backbone(() => buildDinov2({ ...small, registers: 4 }))),
    ...(["group", "batch", "none"] as const).flatMap((norm) =>
      both(`ViT U-Net, norm ${norm}`, () => vitUnet(norm)),
    ),
    ...(["guide", "bilinear", "crop"] as const).flatMap((preset) =>
      both(`plain decoder ${preset}, narrow`, () => plainDecoder(preset)),
    ),
    ...both("U-Net decoder as smp's", () =>
      decoder(
        buildUnetDecoder({
          encoderChannels: [16, 24, 40, 80, 160],
          decoderChannels: [64, 48, 32, 16, 16],
          classes: 1,
        }),
        [16, 24, 40, 80, 160],
        [2, 4, 8, 16, 32],
      ),
    ),
    ...both("linear head", () =>
      decoder(buildLinearHead({ featureChannels: [192, 192, 192] }), ...threeMaps),
    ),
    ...Object.entries(softmaxLosses).map(([name, loss]) => ({
      name: `ViT U-Net, 4 classes, ${name}, training step`,
      prepare: () => step({ ...vitUnet("group", 4), loss }),
    })),
  ];
}
