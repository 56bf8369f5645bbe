import { buildSmallLakeSegmenterConfig, type SegmenterConfig } from "@glof/segmenter";
import { requireBandName } from "@glof/sentinel2";
import type { BandStatistics } from "@glof/train";
import type { TrainConfig } from "../config/train_config.js";

/** Reflectance outside this says nothing more: deep shadow after atmospheric correction below, bright snow above. */
const CLIP_REFL = [-0.1, 1.5] as const;

/** Config of a new model for the settings of a training run. */
export function newSegmenterConfig(config: TrainConfig, statistics: BandStatistics): SegmenterConfig {
  const { tile, overlap, dropPath, numHeads, widths, norm, ...shape } = config.model ?? {};
  return buildSmallLakeSegmenterConfig({
    ...shape,
    name: config.name,
    bands: config.bands.map((band) => requireBandName(band, "glof train")),
    heads: numHeads,
    decoder: { ...(widths && { widths }), ...(norm && { norm }) },
    dropPathRate: dropPath,
    trainPx: config.crop,
    tilePx: tile,
    overlapPx: overlap,
    normalisation: { ...statistics, clip: CLIP_REFL },
  });
}
