import { readFileSync } from "node:fs";
import { countParams } from "@glof/nn";
import { hasShared, sharedPath } from "@glof/test-kit";
import { describe, expect, it } from "vitest";
import { buildDinov2Variant, buildDinov2Vitl14, type Dinov2Variant, dinov2Variants } from "./index.js";

interface Architecture {
  readonly param_count: number;
  readonly tensor_count: number;
  readonly top_level: Record<string, number[]>;
  readonly block0: Record<string, number[]>;
  readonly depth: number;
  readonly interpolate_antialias: boolean;
  readonly interpolate_offset: number;
}

const path = "fixtures/dinov2/official_architectures.json";
const here = hasShared(path);
const official: Record<string, Architecture> = here
  ? JSON.parse(readFileSync(sharedPath(path), "utf8")).architectures
  : {};

describe.skipIf(!here)("official architectures", () => {
  it("covers each of the hub's models", () => {
    expect(Object.keys(official).sort()).toEqual(Object.keys(dinov2Variants).sort());
  });

  it.each(Object.keys(dinov2Variants) as Dinov2Variant[])("%s: names, shapes, counts", (variant) => {
    const { specs, config } = buildDinov2Variant(variant);
    const stated = official[variant]!;
    const blocks = Array.from({ length: stated.depth }, (_, layer) =>
      Object.entries(stated.block0).map(([name, shape]) => [`blocks.${layer}.${name}`, shape] as const),
    ).flat();
    const expected = new Map([...Object.entries(stated.top_level), ...blocks]);
    expect(new Map(specs.map(({ name, shape }) => [name, shape]))).toEqual(expected);
    expect(specs).toHaveLength(stated.tensor_count);
    expect(countParams(specs).weights).toBe(stated.param_count);
    expect(config.positionOffset).toBe(stated.interpolate_offset);
    expect(config.positionAntialias).toBe(stated.interpolate_antialias);
  });
});

describe("depth extension", () => {
  it("gives a ViT-L of 25 blocks 316,966,912 parameters", () => {
    const { specs } = buildDinov2Vitl14({ depth: 25 });
    expect(countParams(specs).weights).toBe(316_966_912);
    expect(specs.filter(({ name }) => name.startsWith("blocks.24.")).map(({ name }) => name)).toEqual(
      specs.filter(({ name }) => name.startsWith("blocks.23.")).map(({ name }) => name.replace("23", "24")),
    );
  });

  it("takes fewer blocks too", () => {
    expect(buildDinov2Vitl14({ depth: 2 }).config).toMatchObject({ depth: 2, baseDepth: 2 });
  });
});
