import type { BandName } from "@glof/sentinel2";
import { buildVitUnet, type VitUnetOptions } from "@glof/unet-decoder";
import { toDinov2Config } from "@glof/vit-dinov2";
import { BUNDLE_FORMAT_VERSION, type Normalisation, type SegmenterConfig } from "./segmenter_config.js";

/** What may differ from the default small segmenter. */
export interface SmallLakeSegmenterOptions {
  /** Default `"glof-lakes-small"`. */
  readonly name?: string;
  /** Default B02, B03, B04, B08: what Sentinel-2 sees at 10 m. */
  readonly bands?: readonly BandName[];
  /** Default: round numbers for high mountains, the same for each band. Better: those of the training images. */
  readonly normalisation?: Normalisation;
  /** Width of the transformer. Default 192. */
  readonly embedDim?: number;
  /** Blocks. Default 6. */
  readonly depth?: number;
  /** Attention heads. Default 3. */
  readonly heads?: number;
  /** Blocks whose features the decoder gets. Default: three, evenly spread to the last: [1, 3, 5] of 6. */
  readonly featureLayers?: readonly number[];
  /** Widths, fusion and norm of the decoder. Default: those of `buildVitUnet`. */
  readonly decoder?: Pick<VitUnetOptions, "widths" | "fusion" | "norm">;
  /** Rate of stochastic depth in training. Default 0. */
  readonly dropPathRate?: number;
  /** First value of LayerScale: 1 trains fastest from scratch. Default 1. */
  readonly layerScale?: number;
  /** Side of the training crops. Default 252. */
  readonly trainPx?: number;
  /** Default 0.5. */
  readonly threshold?: number;
  /** Side of the tiles that scenes are mapped with. Default 518. */
  readonly tilePx?: number;
  /** Default 70: five patches. */
  readonly overlapPx?: number;
}

/**
 * A segmenter of about 3 million parameters that a CPU can train: DINOv2's architecture at width 192 and depth 6, patch
 * 14, and the ViT U-Net decoder.
 *
 * @throws GlofError `bad-config`
 */
export function buildSmallLakeSegmenterConfig(options: SmallLakeSegmenterOptions = {}): SegmenterConfig {
  const {
    name = "glof-lakes-small",
    bands = ["B02", "B03", "B04", "B08"],
    normalisation = { mean: bands.map(() => 0.2), std: bands.map(() => 0.2), clip: [-0.1, 1.5] },
    embedDim = 192,
    depth = 6,
    heads = 3,
    featureLayers = defaultFeatureLayers(depth),
    decoder = {},
    dropPathRate = 0,
    layerScale = 1,
    trainPx = 252,
    threshold = 0.5,
    tilePx = 518,
    overlapPx = 70,
  } = options;
  return {
    formatVersion: BUNDLE_FORMAT_VERSION,
    name,
    bands,
    normalisation,
    backbone: toDinov2Config({
      name: `${name}/backbone`,
      embedDim,
      depth,
      heads,
      bands,
      imageSizePx: trainPx,
      dropPathRate,
      layerScale,
    }),
    featureLayers,
    decoder: buildVitUnet({
      ...decoder,
      featureChannels: featureLayers.map(() => embedDim),
      imageChannels: bands.length,
    }).config,
    threshold,
    tilePx,
    overlapPx,
  };
}

/** Up to three blocks, evenly spread, the last among them: [1, 3, 5] of 6. */
function defaultFeatureLayers(depth: number): number[] {
  const count = Math.min(3, depth);
  return Array.from({ length: count }, (_, index) => Math.round(((index + 1) * depth) / count) - 1);
}

/** What `buildSmallLakeSegmenterConfig` gives without options. */
export const DEFAULT_SEGMENTER_CONFIG: SegmenterConfig = /* @__PURE__ */ buildSmallLakeSegmenterConfig();
