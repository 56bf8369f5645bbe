import type { RasterGrid } from "@glof/geo";

/** Bands of a synthetic scene, in order. */
export const SYNTHETIC_BANDS = ["B02", "B03", "B04", "B08", "B11", "B12"] as const;

/** A band that the generator renders. */
export type SyntheticBand = (typeof SYNTHETIC_BANDS)[number];

/** Seasons of the northern hemisphere, as the snow and the sun of the high Himalaya follow them. */
export const SEASONS = ["winter", "spring", "summer", "autumn"] as const;
export type Season = (typeof SEASONS)[number];

/**
 * Kinds of landscape. `mountain` is the subject; the others keep a model trained on scenes from losing the
 * plain.
 */
export const SCENE_MODES = ["mountain", "lowland", "urban", "flood"] as const;
export type SceneMode = (typeof SCENE_MODES)[number];

/** Kinds of lake in the truth list. */
export const LAKE_KINDS = [
  "moraine-dammed",
  "ice-contact",
  "supraglacial",
  "tarn",
  "valley",
  "pond",
  "reservoir",
  "flood",
] as const;
export type LakeKind = (typeof LAKE_KINDS)[number];

/** Codes of `SceneTruth.classMap`: the cover that fills most of a pixel. */
export const SURFACE_CLASSES = [
  "rock",
  "till",
  "debris",
  "ice",
  "snow",
  "vegetation",
  "lake",
  "river",
  "lake-ice",
  "field",
  "built",
] as const;
export type SurfaceClass = (typeof SURFACE_CLASSES)[number];

/** Code of a surface class in `SceneTruth.classMap`. */
export const surfaceCode = (name: SurfaceClass): number => SURFACE_CLASSES.indexOf(name);

/** One lake of the truth: a 4-connected group of lake pixels. */
export interface LakeTruth {
  /** 1-based, in raster order of the first pixel. */
  readonly id: number;
  readonly kind: LakeKind;
  /** Names the water body in all years of a series; ponds on one glacier share a few. */
  readonly bodyId: number;
  readonly pixelCount: number;
  /** `pixelCount` times the area of a pixel on the scene's grid. */
  readonly areaM2: number;
  /** Share of its pixels that carry ice or snow. */
  readonly frozenFraction: number;
  /** Share of its pixels under opaque cloud. */
  readonly cloudFraction: number;
  readonly touchesEdge: boolean;
}

/** What is on the ground, exactly. Row-major arrays of the scene's size. */
export interface SceneTruth {
  /** 1 lake, 0 other, 255 no data. Frozen and cloud-covered lakes are lakes. */
  readonly lakeMask: Uint8Array;
  /** `lakeMask` with 255 where the image cannot show the truth: opaque cloud, and snow upon lake ice. */
  readonly visibleMask: Uint8Array;
  /** 1 any open or frozen water (lakes and rivers), 0 other, 255 no data. */
  readonly waterMask: Uint8Array;
  /** Which lake of `lakes` a pixel belongs to; 0 none. */
  readonly lakeIds: Int32Array;
  /** Codes of `SURFACE_CLASSES`. */
  readonly classMap: Uint8Array;
  /** Share of light that clouds take, 0 to 255. */
  readonly cloudOpacity: Uint8Array;
  /** 1 where a mountain or a cloud takes the direct sun. */
  readonly shadowMask: Uint8Array;
  readonly lakes: readonly LakeTruth[];
}

/** Sun direction. */
export interface SunPosition {
  /** Clockwise from north. */
  readonly azimuthDeg: number;
  readonly elevationDeg: number;
}

/** A generated scene: reflectances and the truth under them. */
export interface SyntheticScene {
  readonly seed: number | string;
  readonly mode: SceneMode;
  readonly season: Season;
  readonly year: number;
  /** Surface reflectance, or top of the atmosphere. */
  readonly level: "L2A" | "TOA";
  readonly sun: SunPosition;
  readonly width: number;
  readonly height: number;
  readonly pixelSizeM: number;
  readonly grid: RasterGrid;
  /** Names of `bandsRefl`, in order. */
  readonly bands: readonly SyntheticBand[];
  /** Reflectance, multiples of 1e-4; one row-major array per band. */
  readonly bandsRefl: readonly Float32Array[];
  /** 1 usable, 0 no data. */
  readonly validMask: Uint8Array;
  /** Height of the visible surface, metres. */
  readonly elevationM: Float32Array;
  readonly truth: SceneTruth;
}
