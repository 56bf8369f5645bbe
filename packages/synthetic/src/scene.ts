import { GlofError, type Rng, seededRng } from "@glof/core";
import type { Crs } from "@glof/geo";
import { makeClimate } from "./climate.js";
import { type Clouds, coverWithClouds, makeClouds } from "./clouds.js";
import type { FieldGrid } from "./grid.js";
import { lightSurface, makeAir, shade } from "./illumination.js";
import type { Landscape } from "./landscape.js";
import { makeLowland } from "./lowland.js";
import { type MountainState, makeMountain } from "./mountain.js";
import { PAD, paddedGrid } from "./padded_grid.js";
import { sense } from "./sensor.js";
import { cropField, makeTruth } from "./truth.js";
import {
  type SceneMode,
  SEASONS,
  type Season,
  type SunPosition,
  SYNTHETIC_BANDS,
  type SyntheticScene,
} from "./types.js";

/** What to generate. Everything that is not given is drawn from the seed. */
export interface SceneOptions {
  readonly seed: number | string;
  /** Pixels across; default 512. */
  readonly width?: number;
  /** Pixels down; default 512. */
  readonly height?: number;
  /** Side of a pixel on the ground; default 10 m. */
  readonly pixelSizeM?: number;
  /** Default: drawn. */
  readonly season?: Season;
  /** Default `mountain`. */
  readonly mode?: SceneMode;
  /** Year of a series: glaciers draw back and lakes grow from `baseYear` on. Default 2020. */
  readonly year?: number;
  /** From this year on the largest lake behind a moraine is empty but for a remnant. Default: never. */
  readonly drainedYear?: number;
  /**
   * Multiplies the number of lakes of a mountain; 0 gives a scene without any but ponds on ice. Default 1.
   */
  readonly lakeAbundance?: number;
  /** Share of the scene under cloud, 0 to 1. Default: clear in two scenes of three, else up to 0.4. */
  readonly cloudCover?: number;
  /**
   * `L2A` surface reflectance, or `TOA` with the blue haze of the whole atmosphere. Default: `L2A` in four of
   * five.
   */
  readonly level?: "L2A" | "TOA";
  /** Share of the scene beyond the edge of the swath: no data there. Default 0. */
  readonly noDataShare?: number;
}

/** Year at which lakes have the size that the seed gives them. */
export const BASE_YEAR = 2020;

const RETREAT_M_PER_YEAR = 28;
const LARGEST_SIDE = 4096;
const UTM_45N: Crs = { epsg: 32645, geographic: false, proj4: "EPSG:32645", name: "WGS 84 / UTM zone 45N" };
/** Upper left corner: near 27.9 N, 86.9 E, in UTM zone 45 north, on the 10 m grid of Sentinel-2. */
const CORNER_M = { easting: 480000, northing: 3095000 };

/**
 * Generates a Sentinel-2 scene with its truth.
 *
 * Same options, same scene, on every machine with the same `Math` results. A 512 x 512 scene takes one to two
 * seconds.
 *
 * @throws GlofError `bad-argument` for sizes outside 16 to 4096 pixels, or a pixel outside 2 to 60 m
 */
export function generateScene(options: SceneOptions): SyntheticScene {
  const { seed, width = 512, height = 512, pixelSizeM = 10, mode = "mountain", year = BASE_YEAR } = options;
  checkSizes(width, height, pixelSizeM);
  const rng = seededRng(seed);
  const season = options.season ?? SEASONS[rng.split("season").int(SEASONS.length)]!;
  const grid = paddedGrid(width, height, pixelSizeM);
  const climate = makeClimate(season, rng.split(`climate ${year}`));
  const place = rng.split("place");
  const landscape =
    mode === "mountain"
      ? makeMountain(grid, climate, mountainState(options), place)
      : makeLowland(grid, climate, mode, place);
  const sky = rng.split(`sky ${year}`);
  const cover = options.cloudCover ?? (sky.next() < 0.67 ? 0 : sky.uniform(0.02, 0.4));
  const clouds = makeClouds(grid, cover, climate.sun, sky.split("clouds"));
  const level = options.level ?? (sky.split("level").next() < 0.8 ? "L2A" : "TOA");
  const { bands, sunlit } = takePicture(landscape, grid, climate.sun, clouds, level, sky);
  const crop = { pad: PAD, width, height };
  const floats = (field: Float32Array): Float32Array =>
    cropField(field, grid, crop, (n) => new Float32Array(n));
  const validMask = swath(width, height, options.noDataShare ?? 0, sky.split("swath"));
  const truth = makeTruth(landscape, { opacity: clouds.opacity, sunlit }, grid, crop, validMask);
  return {
    seed,
    mode,
    season,
    year,
    level,
    sun: climate.sun,
    width,
    height,
    pixelSizeM,
    grid: {
      width,
      height,
      geoTransform: [CORNER_M.easting, pixelSizeM, 0, CORNER_M.northing, 0, -pixelSizeM],
      crs: UTM_45N,
    },
    bands: SYNTHETIC_BANDS,
    bandsRefl: bands.map((band) => floats(band).map((value, pixel) => value * validMask[pixel]!)),
    validMask,
    elevationM: floats(landscape.elevationM),
    truth,
  };
}

/** Lights a landscape and looks at it through air, clouds and instrument. Uses the canvas up. */
function takePicture(
  landscape: Landscape,
  grid: FieldGrid,
  sun: SunPosition,
  clouds: Clouds,
  level: SyntheticScene["level"],
  rng: Rng,
): { bands: Float32Array[]; sunlit: Float32Array } {
  const light = lightSurface(landscape.elevationM, grid, sun);
  for (let cell = 0; cell < light.sunlit.length; cell++) {
    light.sunlit[cell] = light.sunlit[cell]! * clouds.sunlit[cell]!;
  }
  const bands = [...landscape.canvas.albedo];
  shade(bands, light, grid, makeAir(rng.split("air"), level === "TOA"), landscape.water.share);
  coverWithClouds(bands, clouds, rng.split("cloud tops"));
  sense(bands, grid, { blurPx: rng.uniform(0.45, 0.75), noiseRefl: rng.uniform(0.0006, 0.0025) }, rng);
  return { bands, sunlit: light.sunlit };
}

/** 1 inside the swath; its edge crosses the scene at the slant of Sentinel-2's orbit. */
function swath(width: number, height: number, noDataShare: number, rng: Rng): Uint8Array {
  const validMask = new Uint8Array(width * height).fill(1);
  if (noDataShare <= 0) return validMask;
  const slant = 0.21;
  const fromEast = rng.next() < 0.5;
  const crossing = (noDataShare - 0.5) * (width + slant * height) + 0.5 * width;
  for (let row = 0, pixel = 0; row < height; row++) {
    for (let col = 0; col < width; col++, pixel++) {
      const along = (fromEast ? width - 1 - col : col) + (fromEast ? -1 : 1) * slant * (row - 0.5 * height);
      if (along < crossing) validMask[pixel] = 0;
    }
  }
  return validMask;
}

/** State of glaciers and lakes in the year of a scene. Before the base year fronts lay further down. */
export function mountainState(
  options: Pick<SceneOptions, "year" | "drainedYear" | "lakeAbundance">,
): MountainState {
  const { year = BASE_YEAR, drainedYear, lakeAbundance } = options;
  const broken = drainedYear !== undefined && year >= drainedYear;
  return {
    retreatM: RETREAT_M_PER_YEAR * (year - BASE_YEAR),
    drainedAtRetreatM: broken ? RETREAT_M_PER_YEAR * (drainedYear - 1 - BASE_YEAR) : undefined,
    lakeAbundance,
  };
}

function checkSizes(width: number, height: number, pixelSizeM: number): void {
  for (const [name, size] of [
    ["width", width],
    ["height", height],
  ] as const) {
    if (!Number.isInteger(size) || size < 16 || size > LARGEST_SIDE) {
      throw new GlofError(
        "bad-argument",
        `generateScene: expected ${name} to be a whole number of 16 to ${LARGEST_SIDE} pixels, got ${size}. ` +
          "Do generate larger scenes with writeLargeScene.",
        { [name]: size },
      );
    }
  }
  if (!(pixelSizeM >= 2 && pixelSizeM <= 60)) {
    throw new GlofError(
      "bad-argument",
      `generateScene: expected pixelSizeM of 2 to 60, got ${pixelSizeM}. Do pass the side of a pixel in metres.`,
      { pixelSizeM },
    );
  }
}
