import type { PixelWindow, RasterGrid } from "@glof/geo";
import type { ValidityPolicy } from "./validity/policy.js";

/** Names of the Sentinel-2 MSI bands. */
export const BAND_NAMES = [
  "B01",
  "B02",
  "B03",
  "B04",
  "B05",
  "B06",
  "B07",
  "B08",
  "B8A",
  "B09",
  "B10",
  "B11",
  "B12",
] as const;

/** A Sentinel-2 band, by name and never by position. */
export type BandName = (typeof BAND_NAMES)[number];

/** Top-of-atmosphere, surface reflectance, or not stated by the product. */
export type ProcessingLevel = "L1C" | "L2A" | "unknown";

/** `reflectance = (dn + offsetDn) / quantification` */
export interface BandRadiometry {
  readonly quantification: number;
  readonly offsetDn: number;
  /** The number that stands for a saturated pixel, where the product declares one (65535 in SAFE products). */
  readonly saturatedDn?: number;
}

/** How a band gets to a grid with other pixels; see `resampleLayer`. */
export type Resampling = "nearest" | "bilinear" | "area";

/** A window of a scene as reflectance. */
export interface ReflectanceWindow {
  /**
   * One row-major array per asked band, in the order asked; 0 where a band holds no number (`noData`, `saturated`,
   * `nonFinite`). What was measured under clouds and other masked classes stays.
   */
  readonly bandsRefl: readonly Float32Array[];
  /** 1 where every asked band holds a usable number and the scene's validity policy has no objection, else 0. Row-major. */
  readonly validMask: Uint8Array;
  /** Bits of `INVALID_REASONS`, 0 where valid; only with `reasons: true`. Row-major. */
  readonly invalidReasons?: Uint8Array;
}

/** Options of `Scene.readReflectance`. */
export interface ReadReflectanceOptions {
  readonly signal?: AbortSignal | undefined;
  /** Tell for each pixel why it is not valid. Default false. */
  readonly reasons?: boolean;
  /** Judge pixels by their numbers alone, whatever the scene classification says. Default false. */
  readonly ignoreClassification?: boolean;
  /**
   * Read the window at another size, from the files' overviews where they have them: reflectance is the mean of the
   * numbers (nearest where the scene resamples by `"nearest"`), classes are the nearest. `erodeEdgePx` is not applied.
   */
  readonly outputSize?: readonly [rows: number, cols: number];
}

/** A layer of small whole numbers beside the bands, on the scene's grid. */
export interface SceneLayer {
  /** Numbers of a window inside the grid, by nearest neighbour. Row-major. */
  readWindow(
    window: PixelWindow,
    options?: Pick<ReadReflectanceOptions, "signal" | "outputSize">,
  ): Promise<Uint8Array>;
}

/** Sun angles of a granule, from its metadata. */
export interface SunAngles {
  readonly meanZenithDeg: number;
  /** Clockwise from north. */
  readonly meanAzimuthDeg: number;
  /** Angles at points `stepM` apart, the first at the tile's upper left corner; row-major; NaN where not computed. */
  readonly grid?: {
    readonly rows: number;
    readonly cols: number;
    readonly stepM: readonly [rows: number, cols: number];
    readonly zenithDeg: Float32Array;
    readonly azimuthDeg: Float32Array;
  };
}

/** What a product says of itself beside its pixels; each only where it does. */
export interface ProductFacts {
  /** `Sentinel-2A`. */
  readonly spacecraft?: string;
  /** `05.09`. */
  readonly processingBaseline?: string;
  /** Military grid tile, `45RVL`. */
  readonly tile?: string;
  readonly relativeOrbit?: number;
  readonly orbitDirection?: string;
  /** Share of the tile under cloud, in percent. */
  readonly cloudPercent?: number;
  readonly sun?: SunAngles;
  /** Where the offset of the reflectance comes from, in words. */
  readonly offsetFrom?: string;
}

/** A file that a scene was read from. */
export interface SceneInput {
  readonly path: string;
  readonly role: BandName | "stack" | "metadata" | "classification" | "cloud-probability";
}

/** An open Sentinel-2 scene on one grid, whatever door it came through. */
export interface Scene {
  /** Product name or file name without extension. */
  readonly id: string;
  readonly grid: RasterGrid;
  readonly bands: readonly BandName[];
  readonly level: ProcessingLevel;
  /** What took the picture; absent means Sentinel-2. Bands of Landsat have the names of Sentinel-2's nearest ones. */
  readonly sensor?: "sentinel-2" | "landsat";
  readonly radiometry: Readonly<Partial<Record<BandName, BandRadiometry>>>;
  /** Acquisition time, when the product states one. ISO 8601. */
  readonly acquiredAt: string | undefined;
  readonly inputs: readonly SceneInput[];
  /** Rows of the file's blocks: windows of whole block rows read least. */
  readonly blockRows: number;
  /** Reflectance (unitless, 0 to about 1; above 1 on bright snow) and validity of a window inside the grid. */
  readReflectance(
    window: PixelWindow,
    bands: readonly BandName[],
    options?: ReadReflectanceOptions,
  ): Promise<ReflectanceWindow>;
  /** Scene classification in the codes of `SCENE_CLASSES` (0 where the file has none), when the product has one. */
  readonly classification?: SceneLayer;
  /** Probability of cloud in percent, when the product has it. */
  readonly cloudProbability?: SceneLayer;
  /** What makes pixels of this scene invalid beside missing numbers; absent when nothing does. */
  readonly validityPolicy?: ValidityPolicy;
  /** What the product's metadata says, when there is any. */
  readonly product?: ProductFacts;
  close(): Promise<void>;
}
