import type { Crs, LonLatBounds } from "@glof/geo";
import type { BandName, BandRadiometry, ProcessingLevel, ProductFacts } from "../types.js";

/** A band as the metadata tells it. */
export interface DescribedBand {
  readonly band: BandName;
  /** Pixel sizes of its files, finest first; empty where the metadata does not say. */
  readonly resolutionsM: readonly number[];
  readonly radiometry: BandRadiometry;
  /** Where the offset is from, in words. */
  readonly offsetFrom: string;
}

/** What metadata says of a scene, whether its images are there or not. */
export interface SceneDescription {
  readonly kind: "SAFE product" | "STAC item" | "folder of bands" | "GeoTIFF";
  readonly id: string;
  readonly level: ProcessingLevel;
  readonly sensor: "sentinel-2" | "landsat";
  /** ISO 8601. */
  readonly acquiredAt: string | undefined;
  readonly product: ProductFacts;
  readonly crs: Crs | undefined;
  readonly bounds: LonLatBounds | undefined;
  /** Sizes in pixels, finest first. */
  readonly grids: readonly { readonly resolution: number; readonly width: number; readonly height: number }[];
  /** Bands whose images are there, or, where none is, those that the metadata speaks of. */
  readonly bands: readonly DescribedBand[];
  readonly hasClassification: boolean;
  readonly hasCloudProbability: boolean;
  /** Images that the metadata lists and that are not there. */
  readonly missingImages: readonly string[];
  readonly warnings: readonly string[];
}
