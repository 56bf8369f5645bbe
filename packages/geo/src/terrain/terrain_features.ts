import { GlofError } from "@glof/core";
import type { PixelWindow, RasterGrid } from "../types.js";
import { type DemPart, gatherNeighbours, type TerrainEdges, wholeDem } from "./dem_part.js";
import {
  featureFormula,
  gradient,
  type RuggednessMethod,
  type SlopeMethod,
  TERRAIN_FEATURES,
  type TerrainFeature,
} from "./feature_formulas.js";
import { groundSize } from "./ground_size.js";
import { smoothDem } from "./smooth_dem.js";
import { type SunPosition, sunVector } from "./sun.js";

/** Options of `terrainFeatures` and `terrainRaster`. */
export interface TerrainOptions {
  /** For slope, aspect and shading. Default `"horn"`; curvatures are always Zevenbergen and Thorne's. */
  readonly slopeMethod?: SlopeMethod;
  /** Default `"riley"`. */
  readonly ruggedness?: RuggednessMethod;
  /**
   * Pixels that lack a neighbour. `"extrapolate"` (default): heights beyond the DEM continue the slope, gaps beside a pixel
   * take its height, as `gdaldem -compute_edges`. `"nodata"`: NaN, as gdaldem without it. `"replicate"`: the outermost
   * pixels repeat those beside them, as DL4GAM pads; beside gaps NaN.
   */
  readonly edges?: TerrainEdges;
  /** Smooth the DEM first with a 3 x 3 Gaussian (standard deviation 1 pixel), as DL4GAM does. Default false. */
  readonly smooth?: boolean;
  /** For `hillshade` and `cosIncidence`. Default azimuth 315, elevation 45. */
  readonly sun?: SunPosition;
}

/** `TerrainOptions` with defaults. */
export type ResolvedTerrainOptions = Required<TerrainOptions>;

/** Fills in defaults. @throws GlofError `bad-argument` for unknown names */
export function resolveTerrainOptions(
  features: readonly TerrainFeature[],
  options: TerrainOptions,
  where: string,
): ResolvedTerrainOptions {
  const resolved = {
    slopeMethod: options.slopeMethod ?? "horn",
    ruggedness: options.ruggedness ?? "riley",
    edges: options.edges ?? "extrapolate",
    smooth: options.smooth ?? false,
    sun: options.sun ?? { azimuthDeg: 315, elevationDeg: 45 },
  } as const;
  const insist = (allowed: readonly string[], got: string): void => {
    if (allowed.includes(got)) return;
    throw new GlofError(
      "bad-argument",
      `${where}: expected ${allowed.join(", ")}, got ${got}. Name one of them.`,
    );
  };
  for (const feature of features) insist(TERRAIN_FEATURES, feature);
  insist(["horn", "zevenbergen-thorne"], resolved.slopeMethod);
  insist(["riley", "wilson"], resolved.ruggedness);
  insist(["extrapolate", "nodata", "replicate"], resolved.edges);
  return resolved;
}

/**
 * Features of a DEM, each of the DEM's size.
 *
 * Pixels need not be square; on a grid in degrees their size on the ground is that of WGS 84 at each row's latitude (heights
 * are always metres). Equal to gdaldem's slope, aspect, hillshade, TRI, TPI and roughness on square pixels.
 *
 * @param demM heights in metres, row by row; NaN is a gap and gives NaN
 * @param features default: all of `TERRAIN_FEATURES`
 * @throws GlofError `shape-mismatch`, `bad-geotransform` for grids that are not north-up, `bad-argument`
 */
export function terrainFeatures<Name extends TerrainFeature = TerrainFeature>(
  demM: ArrayLike<number>,
  grid: RasterGrid,
  features: readonly Name[] = TERRAIN_FEATURES as readonly TerrainFeature[] as readonly Name[],
  options: TerrainOptions = {},
): Record<Name, Float32Array> {
  const resolved = resolveTerrainOptions(features, options, "terrainFeatures");
  const dem = wholeDem(demM, grid, "terrainFeatures");
  const arrays = computeFeatures(dem, dem.box, grid, features, resolved);
  return Object.fromEntries(features.map((name, index) => [name, arrays[index]!])) as Record<
    Name,
    Float32Array
  >;
}

/** The part of a DEM that the features of a window are made of. */
export function neededBox(
  window: PixelWindow,
  size: { readonly width: number; readonly height: number },
  { edges, smooth }: Pick<ResolvedTerrainOptions, "edges" | "smooth">,
): PixelWindow {
  const margin = 1 + (smooth ? 1 : 0) + (edges === "replicate" ? 1 : 0);
  return grow(window, margin, size);
}

function grow(window: PixelWindow, margin: number, size: { width: number; height: number }): PixelWindow {
  const x = Math.max(0, window.x - margin);
  const y = Math.max(0, window.y - margin);
  return {
    x,
    y,
    width: Math.min(size.width, window.x + window.width + margin) - x,
    height: Math.min(size.height, window.y + window.height + margin) - y,
  };
}

/** Features of a window of a DEM, of which `dem` holds at least `neededBox`. */
export function computeFeatures(
  dem: DemPart,
  window: PixelWindow,
  grid: RasterGrid,
  features: readonly TerrainFeature[],
  options: ResolvedTerrainOptions,
): Float32Array[] {
  const { edges } = options;
  const source = options.smooth ? smoothDem(dem, neededBox(window, dem, { edges, smooth: false })) : dem;
  const sun = sunVector(options.sun, "terrainFeatures");
  const formulas = features.map((name) => featureFormula(name, { ...options, sun }));
  const out = features.map(() => new Float32Array(window.width * window.height).fill(Number.NaN));
  const heights = new Float64Array(9);
  const sizeOf = groundSize(grid, "terrainFeatures");
  const inner = (at: number, length: number): number =>
    edges === "replicate" ? Math.min(Math.max(at, 1), length - 2) : at;
  for (let y = 0; y < window.height; y++) {
    const row = inner(window.y + y, dem.height);
    const size = sizeOf(row);
    for (let x = 0; x < window.width; x++) {
      const col = inner(window.x + x, dem.width);
      if (!gatherNeighbours(source, col, row, edges === "extrapolate", heights)) continue;
      const [east, north] = gradient(heights, size, options.slopeMethod);
      const pixel = { heights, size, east, north };
      for (let index = 0; index < formulas.length; index++) {
        out[index]![y * window.width + x] = formulas[index]!(pixel);
      }
    }
  }
  return out;
}
