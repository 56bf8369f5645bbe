import type { PixelWindow, RasterGrid } from "@glof/geo";

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
}

/** A window of a scene as reflectance. */
export interface ReflectanceWindow {
  /** One row-major array per asked band, in the order asked; 0 where not valid. */
  readonly bandsRefl: readonly Float32Array[];
  /** 1 where every asked band holds a usable number, else 0. Row-major. */
  readonly validMask: Uint8Array;
}

/** A file that a scene was read from. */
export interface SceneInput {
  readonly path: string;
  readonly role: BandName | "stack" | "metadata" | "classification";
}

/** An open Sentinel-2 scene on one grid, whatever door it came through. */
export interface Scene {
  /** Product name or file name without extension. */
  readonly id: string;
  readonly grid: RasterGrid;
  readonly bands: readonly BandName[];
  readonly level: ProcessingLevel;
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
    options?: { signal?: AbortSignal },
  ): Promise<ReflectanceWindow>;
  close(): Promise<void>;
}
