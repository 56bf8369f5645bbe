import { type GlofErrorCode, isGlofError } from "@glof/core";
import { countParams } from "@glof/nn";
import { describe, expect, it } from "vitest";
import { buildLakeSegmenter } from "./build_lake_segmenter.js";
import { buildSmallLakeSegmenterConfig, DEFAULT_SEGMENTER_CONFIG } from "./default_config.js";
import { checkSegmenterConfig } from "./segmenter_config.js";

describe("the default config", () => {
  it("is a model of 2.5 to 4 million parameters on the four 10 m bands", () => {
    const { weights } = countParams(buildLakeSegmenter(DEFAULT_SEGMENTER_CONFIG).specs);
    expect(weights).toBeGreaterThan(2_500_000);
    expect(weights).toBeLessThan(4_000_000);
    expect(DEFAULT_SEGMENTER_CONFIG.bands).toEqual(["B02", "B03", "B04", "B08"]);
    expect(DEFAULT_SEGMENTER_CONFIG.featureLayers).toEqual([1, 3, 5]);
    expect(DEFAULT_SEGMENTER_CONFIG.tilePx % DEFAULT_SEGMENTER_CONFIG.backbone.patchSizePx).toBe(0);
  });

  it("survives JSON", () => {
    const copy: unknown = JSON.parse(JSON.stringify(DEFAULT_SEGMENTER_CONFIG));
    expect(checkSegmenterConfig(copy, "test")).toEqual(DEFAULT_SEGMENTER_CONFIG);
  });

  it("takes other bands and depths", () => {
    const config = buildSmallLakeSegmenterConfig({ bands: ["B03", "B11"], depth: 2 });
    expect(config.featureLayers).toEqual([0, 1]);
    expect(config.normalisation.mean).toHaveLength(2);
    expect(checkSegmenterConfig(config, "test").decoder.imageChannels).toBe(2);
  });
});

describe("checkSegmenterConfig", () => {
  const { backbone, normalisation } = DEFAULT_SEGMENTER_CONFIG;
  it.each<[GlofErrorCode, string, object]>([
    ["bundle-mismatch", "version", { formatVersion: 2 }],
    ["unknown-band", "B99", { bands: ["B02", "B03", "B04", "B99"] }],
    ["bad-config", "each band once", { bands: ["B02", "B02", "B04", "B08"] }],
    ["bad-config", "backbone for the same bands", { bands: ["B03", "B02", "B04", "B08"] }],
    ["bad-config", "backbone", { backbone: null }],
    ["bad-config", "4 means", { normalisation: { ...normalisation, mean: [1] } }],
    ["bad-config", "positive", { normalisation: { ...normalisation, std: [1, 1, 0, 1] } }],
    ["bad-config", "clip range", { normalisation: { ...normalisation, clip: [1, 1] } }],
    ["bad-config", "threshold", { threshold: 1 }],
    ["bad-config", "multiple of the patch of 14", { tilePx: 256 }],
    ["bad-config", "overlap", { overlapPx: 518 }],
    ["bad-config", "feature layers", { featureLayers: [] }],
    ["bad-config", "name", { name: "" }],
    ["bad-config", "heads", { backbone: { ...backbone, heads: 5 } }],
  ])("refuses with %s and says %s", (code, text, wrong) => {
    try {
      buildLakeSegmenter({ ...DEFAULT_SEGMENTER_CONFIG, ...wrong });
      expect.unreachable();
    } catch (error) {
      expect(isGlofError(error, code)).toBe(true);
      expect(String(error)).toContain(text);
    }
  });

  it.each([null, 3, "text", []])("refuses %j", (config) => {
    expect(() => checkSegmenterConfig(config, "here")).toThrow(/^here: expected an object/);
  });
});
