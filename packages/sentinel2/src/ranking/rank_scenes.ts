import type { MultiPolygon } from "@glof/geo";
import { rasterizePolygons, WGS84 } from "@glof/geo";
import { numberProperty, type StacItem, textProperty } from "../stac/stac_item.js";
import { regionStatistics } from "../statistics/region_statistics.js";
import { sceneRegion } from "../statistics/scene_region.js";
import type { Scene } from "../types.js";
import { type RankCandidate, type Ranked, type RankOptions, rankCandidates } from "./rank_candidates.js";

/** Options of `rankScenes`. */
export interface RankScenesOptions extends Partial<RankOptions> {
  /** Longitude and latitude of what matters. Default: all of each scene. */
  readonly region?: MultiPolygon;
  /** Pixels this near to the region count too, metres; scenes only. Default 50 with a region, as DL4GAM. */
  readonly bufferM?: number;
  readonly signal?: AbortSignal;
}

/** A scene or item with the numbers it was ranked by. */
export interface RankedScene extends RankCandidate {
  readonly source: Scene | StacItem;
  /**
   * `missing`: share of the region without data. `cloud`: share of the rest under cloud. `snow`: mean NDSI of a scene's region
   * (the share of snow where that is not known), share of snow of an item. `albedo`: of a scene.
   */
  readonly metrics: Readonly<Partial<Record<"missing" | "cloud" | "snow" | "albedo", number>>>;
}

/**
 * Ranks scenes of one place, best first: few clouds, little fresh snow, no gaps.
 *
 * Open scenes are read within the region. STAC items are judged by their metadata (`eo:cloud_cover`, `s2:snow_ice_percentage`,
 * `s2:nodata_pixel_percentage`) and by how much of the region their outline covers, without opening a file: cheap, and of
 * the whole tile. The two should not be mixed.
 *
 * @param options.weights default `{ cloud: 1, snow: 1, missing: 1 }`
 * @param options.limits default `{ missing: 0.1, cloud: 0.3 }`, DL4GAM's
 * @param options.tieBreak default `"albedo"`
 * @throws GlofError as `rankCandidates` and `regionStatistics`
 */
export async function rankScenes(
  scenes: readonly (Scene | StacItem)[],
  options: RankScenesOptions = {},
): Promise<Ranked<RankedScene>[]> {
  const candidates: RankedScene[] = [];
  // One after the other: each scene's strips already keep the machine busy.
  for (const source of scenes) {
    candidates.push("readReflectance" in source ? await ofScene(source, options) : ofItem(source, options));
  }
  return rankCandidates(candidates, {
    ...options,
    weights: options.weights ?? { cloud: 1, snow: 1, missing: 1 },
    limits: options.limits ?? { missing: 0.1, cloud: 0.3 },
    tieBreak: options.tieBreak ?? "albedo",
  });
}

async function ofScene(scene: Scene, options: RankScenesOptions): Promise<RankedScene> {
  const { region, bufferM = 50, signal } = options;
  const buffer = scene.grid.crs?.geographic ? 0 : bufferM;
  const part = region && sceneRegion(scene.grid, region, { crs: WGS84, buffer });
  const found = await regionStatistics(scene, part, signal ? { signal } : {});
  return {
    id: scene.id,
    acquiredAt: scene.acquiredAt,
    source: scene,
    metrics: known({
      missing: 1 - found.dataFraction,
      cloud: found.cloudFraction,
      snow: found.ndsiMean ?? found.snowFraction,
      albedo: found.albedoMean,
    }),
  };
}

function ofItem(item: StacItem, { region }: RankScenesOptions): RankedScene {
  const share = (...names: string[]): number | undefined => {
    const percent = numberProperty(item, ...names);
    return percent === undefined ? undefined : percent / 100;
  };
  const noData = share("s2:nodata_pixel_percentage");
  const covered = region && coveredShare(region, outlineOf(item));
  return {
    id: item.id,
    acquiredAt: textProperty(item, "datetime", "start_datetime"),
    source: item,
    metrics: known({
      // Gaps of the tile say nothing of a region that the outline of the data covers.
      missing: covered === undefined ? noData : 1 - covered,
      cloud: share("eo:cloud_cover"),
      snow: share("s2:snow_ice_percentage", "eo:snow_cover"),
    }),
  };
}

const known = <T extends Readonly<Record<string, number | undefined>>>(metrics: T): RankedScene["metrics"] =>
  Object.fromEntries(Object.entries(metrics).filter(([, value]) => value !== undefined));

/** Polygons of an item's GeoJSON; none where it has none. */
function outlineOf({ geometry }: StacItem): MultiPolygon | undefined {
  if (geometry?.type === "Polygon") return [geometry.coordinates as MultiPolygon[number]];
  if (geometry?.type === "MultiPolygon") return geometry.coordinates as MultiPolygon;
  return undefined;
}

/** Share of a region inside an outline, on a grid of 256 x 256 over the region. */
function coveredShare(region: MultiPolygon, outline: MultiPolygon | undefined): number | undefined {
  if (!outline) return undefined;
  const box = { left: Infinity, right: -Infinity, bottom: Infinity, top: -Infinity };
  for (const [x, y] of region.flat(2)) {
    box.left = Math.min(box.left, x);
    box.right = Math.max(box.right, x);
    box.bottom = Math.min(box.bottom, y);
    box.top = Math.max(box.top, y);
  }
  const { left, top } = box;
  const [width, height] = [box.right - left, top - box.bottom];
  if (!(width > 0 && height > 0)) return undefined;
  const side = 256;
  const grid = {
    width: side,
    height: side,
    geoTransform: [left, width / side, 0, top, 0, -height / side],
    crs: WGS84,
  } as const;
  const inside = rasterizePolygons([{ geometry: region }], grid);
  const covered = rasterizePolygons([{ geometry: outline }], grid);
  let [total, both] = [0, 0];
  inside.forEach((value, pixel) => {
    total += value;
    both += value & covered[pixel]!;
  });
  return total === 0 ? undefined : both / total;
}
