import { describe, expect, it } from "vitest";
import { openScene } from "../open_scene.js";
import type { StacItem } from "../stac/stac_item.js";
import { testTiff } from "../test_tiff.js";
import { type RankCandidate, rankCandidates } from "./rank_candidates.js";
import { rankScenes } from "./rank_scenes.js";

const of = (
  id: string,
  cloud?: number,
  snow?: number,
  albedo?: number,
  acquiredAt?: string,
): RankCandidate => ({
  id,
  acquiredAt,
  metrics: { cloud, snow, albedo },
});
const order = (ranked: readonly { readonly candidate: RankCandidate }[]): string =>
  ranked.map(({ candidate }) => candidate.id).join("");

describe("rankCandidates", () => {
  it("scores by min-max, higher better", () => {
    const ranked = rankCandidates([of("a", 0.2, 0.4), of("b", 0, 0.8), of("c", 0.1, 0.3)], {
      weights: { cloud: 1, snow: 3 },
    });
    expect(order(ranked)).toBe("cab");
    // c: cloud (1 - 0.5), snow (1 - 0); a: cloud 0, snow 1 - 0.2; b: cloud 1, snow 0.
    expect(ranked.map(({ score }) => Number(score.toFixed(6)))).toEqual([0.875, 0.6, 0.25]);
  });

  it("counts better ones in hundredths with ranks, and breaks ties by albedo, time, id", () => {
    const options = { method: "ranks", weights: { cloud: 1, snow: 1 }, tieBreak: "albedo" } as const;
    const candidates = [of("a", 0.101, 0.5, 0.9), of("b", 0.099, 0.5, 0.3), of("c", 0.2, 0.1, 0.5)];
    const ranked = rankCandidates(candidates, options);
    // Clouds round to 0.1, 0.1, 0.2: ranks 0, 0, 2; snow 1, 1, 0.
    expect(ranked.map(({ score }) => score)).toEqual([0.5, 0.5, 1]);
    expect(order(ranked)).toBe("bac");
    const equal = [
      of("d", 0, 0, 0, "2024-08-02"),
      of("b", 0, 0, 0, "2024-08-01"),
      of("a", 0, 0, 0, "2024-08-01"),
    ];
    expect(order(rankCandidates(equal, options))).toBe("abd");
  });

  it("puts absent metrics last and rejected candidates behind, with the reason", () => {
    const weights = { cloud: 1 };
    const candidates = [of("a"), of("b", 0.29), of("c", 0.4), of("d", 0.1)];
    const ranked = rankCandidates(candidates, { weights, limits: { cloud: 0.3 } });
    // Absent counts as the worst, which b is as well.
    expect(order(ranked)).toBe("dabc");
    expect(ranked[3]).toMatchObject({ rejected: "cloud 0.4 above 0.3", score: Number.NaN });
    expect(order(rankCandidates(candidates, { weights, method: "ranks" }))).toBe("dbca");
  });

  it("keeps to a season, over the new year too", () => {
    const dated = ["2024-07-31", "2024-08-01T05:00:00Z", "2024-10-15", "2024-12-31", undefined].map(
      (time, index) => of("abcde"[index]!, 0, 0, 0, time),
    );
    const inside = (from: string, to: string): string =>
      order(
        rankCandidates(dated, { weights: { cloud: 1 }, season: { from, to } }).filter(
          ({ rejected }) => rejected === undefined,
        ),
      );
    expect(inside("08-01", "10-15")).toBe("bc");
    expect(inside("12-01", "02-28")).toBe("d");
    expect(() => inside("8-1", "10-15")).toThrow(/days as MM-DD, got 8-1/);
    expect(() => rankCandidates(dated, { weights: {} })).toThrow(/weights above 0/);
    expect(rankCandidates([], { weights: { cloud: 1 } })).toEqual([]);
  });
});

describe("rankScenes", () => {
  it("reads open scenes", async () => {
    const scene = async (snowy: boolean, gaps: number) => {
      const dn = (value: number) =>
        Uint16Array.from({ length: 64 }, (_, pixel) => (pixel < gaps ? 0 : value));
      const bands = [dn(3000), dn(3000), dn(3000), dn(3000), dn(snowy ? 300 : 2500)];
      const names = ["B02", "B03", "B04", "B08", "B11"];
      return openScene(testTiff({ width: 8, height: 8, bands, names, nodata: "0" }), {
        offsetDn: 0,
        checkValues: false,
      });
    };
    const scenes = [await scene(true, 0), await scene(false, 0), await scene(false, 20)];
    const ranked = await rankScenes(scenes);
    expect(ranked.map(({ candidate }) => scenes.indexOf(candidate.source as (typeof scenes)[0]))).toEqual([
      1, 0, 2,
    ]);
    expect(ranked[2]!.rejected).toMatch(/^missing 0.313 above 0.1/);
    expect(ranked[0]!.candidate.metrics.snow).toBeCloseTo(500 / 5500, 6);
    await Promise.all(scenes.map((opened) => opened.close()));
  });

  it("judges items by their metadata and outline", async () => {
    const item = (id: string, cloud: number, west: number): StacItem => ({
      type: "Feature",
      stac_version: "1.0.0",
      id,
      geometry: {
        type: "Polygon",
        coordinates: [
          [
            [west, 0],
            [10, 0],
            [10, 10],
            [west, 10],
            [west, 0],
          ],
        ],
      },
      properties: { datetime: "2024-08-09T00:00:00Z", "eo:cloud_cover": cloud, "s2:snow_ice_percentage": 10 },
      assets: {},
      links: [],
    });
    const region = [
      [
        [
          [2, 2],
          [6, 2],
          [6, 4],
          [2, 4],
          [2, 2],
        ] as const,
      ],
    ];
    const items = [item("cloudy", 25, 0), item("clear", 5, 0), item("half", 1, 4)];
    const ranked = await rankScenes(items, { region, season: { from: "08-01", to: "10-15" } });
    expect(ranked.map(({ candidate }) => candidate.id)).toEqual(["clear", "cloudy", "half"]);
    expect(ranked[2]!.candidate.metrics.missing).toBeCloseTo(0.5, 2);
    expect(ranked[0]!.candidate.metrics).toEqual({ missing: 0, cloud: 0.05, snow: 0.1 });
  });
});
