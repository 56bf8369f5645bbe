import type { Checkpoint } from "@glof/checkpoint";
import { type Params, toFileLayout, valueAndGrad } from "@glof/nn";
import {
  buildUnetDecoder,
  type Decoder,
  type DecoderInput,
  type UnetDecoderConfig,
} from "@glof/unet-decoder";
import * as tf from "@tensorflow/tfjs-core";
import type { CaseContext, CaseRunner, Got } from "../../case.js";
import { toNchw } from "../../layouts.js";

/** smp's arguments. */
interface SmpOptions {
  readonly encoder_channels: readonly number[];
  readonly decoder_channels: readonly number[];
  readonly use_norm?: boolean | string;
  readonly add_center_block?: boolean;
  readonly interpolation_mode?: "nearest" | "bilinear";
  readonly attention_type?: "scse" | null;
}

function buildStated(options: SmpOptions): Decoder<UnetDecoderConfig> {
  return buildUnetDecoder({
    encoderChannels: options.encoder_channels.slice(1),
    decoderChannels: options.decoder_channels,
    batchNorm: options.use_norm !== false && options.use_norm !== "identity",
    centerBlock: options.add_center_block ?? false,
    interpolation: options.interpolation_mode ?? "nearest",
    attention: options.attention_type ?? null,
  });
}

/** Parameters of the case under their own names. */
function parametersOf({ file }: CaseContext): Checkpoint {
  const entries = [...file.entries.values()].filter(({ name }) => name.startsWith("p."));
  return {
    ...file,
    entries: new Map(entries.map((entry) => [entry.name.slice(2), { ...entry, name: entry.name.slice(2) }])),
    readFloat32: (name) => file.readFloat32(`p.${name}`),
    readBytes: (name) => file.readBytes(`p.${name}`),
  };
}

/** Runner of kind `smp.UnetDecoder` (group ops): both modes, gradients, running statistics after a step. */
export const unetDecoderCase: CaseRunner = async (context) => {
  const options = context.golden.options as unknown as SmpOptions;
  const decoder = buildStated(options);
  const params = await decoder.load(parametersOf(context));
  const levels = options.encoder_channels.length;
  const maps = Array.from({ length: levels }, (_, level) => context.image(`in.feature${level}`));
  const inputOf = (pyramid: readonly tf.Tensor4D[]): DecoderInput => ({
    image: maps[0]!,
    features: pyramid.map((map, index) => ({ map, stridePx: 2 ** (index + 1) })),
  });
  const buffers: Record<string, Got> = {};
  const training = {
    training: true,
    seed: 0,
    onBuffer: (name: string, value: tf.Tensor): void => {
      buffers[`out.after_train_step.${name}`] = value;
    },
  };
  const weights = decoder.specs.filter(({ kind }) => kind === "weight");
  const trained: Record<string, tf.Tensor> = Object.fromEntries(
    weights.map(({ name }) => [name, params[name]!]),
  );
  maps.slice(1).forEach((map, index) => {
    trained[`feature${index + 1}`] = map;
  });
  const pyramidOf = (from: Params): tf.Tensor4D[] =>
    maps.slice(1).map((_, index) => from[`feature${index + 1}`] as tf.Tensor4D);
  const r = context.image("in.r");
  const { grads } = valueAndGrad(
    (from) => tf.sum(tf.mul(decoder.forward({ ...params, ...from }, inputOf(pyramidOf(from)), training), r)),
    trained,
  );
  const results: Record<string, Got> = {
    ...buffers,
    "out.y_eval": toNchw(decoder.forward(params, inputOf(maps.slice(1)))),
    "out.y_train": toNchw(decoder.forward(params, inputOf(maps.slice(1)), { training: true, seed: 0 })),
  };
  for (const index of maps.slice(1).keys()) {
    results[`grad.feature${index + 1}`] = toNchw(grads[`feature${index + 1}`]!);
  }
  for (const { name, shape, layout } of weights) {
    results[`grad.${name}`] = toFileLayout((await grads[name]!.data()) as Float32Array, shape, layout);
  }
  return results;
};
