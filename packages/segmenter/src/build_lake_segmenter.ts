import { initParams, loadParams, type Model, type ParamSpec, subParams } from "@glof/nn";
import { buildVitUnet } from "@glof/unet-decoder";
import { buildDinov2 } from "@glof/vit-dinov2";
import * as tf from "@tensorflow/tfjs-core";
import { checkSegmenterConfig, type SegmenterConfig } from "./segmenter_config.js";

/** Before the names of the backbone in a bundle. */
export const backbonePrefix = "backbone.";
/** Before the names of the decoder in a bundle. */
export const decoderPrefix = "decoder.";

/**
 * Backbone and decoder as one model: normalised images [N, H, W, C] to logits [N, H, W, 1], H and W multiples of the
 * patch. Parameters keep their own names behind `backbone.` and `decoder.`.
 *
 * @throws GlofError `bad-config`, `bundle-mismatch`, `unknown-band`
 */
export function buildLakeSegmenter(
  config: SegmenterConfig,
): Model<tf.Tensor4D, tf.Tensor4D, SegmenterConfig> {
  checkSegmenterConfig(config, "buildLakeSegmenter");
  const backbone = buildDinov2(config.backbone);
  const decoder = buildVitUnet(config.decoder);
  const specs = [...prefixed(backbone.specs, backbonePrefix), ...prefixed(decoder.specs, decoderPrefix)];
  return {
    config,
    specs,
    init: (seed) => initParams(specs, seed),
    load: (checkpoint, options) => loadParams(specs, checkpoint, options),
    forward: (params, images, mode) =>
      tf.tidy(() => {
        const layers = backbone.intermediates(
          subParams(params, backbonePrefix),
          images,
          config.featureLayers,
          { norm: true, reshape: true, mode },
        );
        const features = layers.map(({ patches }) => ({
          map: patches as tf.Tensor4D,
          stridePx: config.backbone.patchSizePx,
        }));
        return decoder.forward(subParams(params, decoderPrefix), { features, image: images }, mode);
      }),
  };
}

function prefixed(specs: readonly ParamSpec[], prefix: string): ParamSpec[] {
  return specs.map((spec) => ({ ...spec, name: `${prefix}${spec.name}` }));
}
