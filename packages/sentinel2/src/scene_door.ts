import type { Logger } from "@glof/core";
import type { HttpSourceOptions } from "@glof/core/bytes";
import type { ProcessingLevel, Resampling, Scene } from "./types.js";
import type { ValidityPolicy } from "./validity/policy.js";

/** Where a scene comes from: a path or URL, or the bytes of a file. */
export type SceneSource = string | URL | Blob | ArrayBuffer;

/** Options of `openScene`. What the file states itself need not be said. */
export interface OpenSceneOptions {
  /**
   * For one file: the names of its bands in its own order, for files that name none or name them otherwise; `"-"` leaves a band
   * out. For a product or a folder: the bands to use; the other files are not opened.
   */
  readonly bands?: readonly string[];
  /** Processing level, where the product's name does not tell. */
  readonly level?: ProcessingLevel;
  /**
   * `reflectance = (DN + offsetDn) / quantification`. Default: the product's metadata or the file's scale tag, else 10000
   * (1 for float files).
   */
  readonly quantification?: number;
  /**
   * For all bands. Default: the product's metadata or the file's offset tag, else by the processing baseline (-1000 from
   * 04.00 on) where metadata or an ESA product name tells it, else 0.
   */
  readonly offsetDn?: number;
  /**
   * True: the archive has taken the offset out of the numbers already (Google Earth Engine's `…_HARMONIZED`, Earth
   * Search), so none is applied, whatever the baseline; false: it has not, whatever the names say. Default: by names.
   */
  readonly harmonised?: boolean;
  /**
   * Pixel size of the scene's grid. Default: that of the finest band used. A file of that very resolution is preferred where
   * the product has one; other bands are resampled.
   */
  readonly resolutionM?: 10 | 20 | 60;
  /** Default: bilinear to finer pixels, area to coarser ones (see the README for the alignment). */
  readonly resampling?: Resampling;
  /**
   * Which pixels the scene classification makes invalid; what is not said is as in `DEFAULT_VALIDITY`. Default:
   * `DEFAULT_VALIDITY` for products with a scene classification. False: numbers alone decide. A folder of loose bands
   * looks for a classification only when this is given.
   */
  readonly validity?: Partial<ValidityPolicy> | false;
  /** The tile to open of a product that holds several (before December 2016), such as `32TQR`. */
  readonly tile?: string;
  /** Name of a source that has none (bytes), for messages and the scene's `id`. */
  readonly name?: string;
  /** Look at a sample of the pixels: refuse a scene without any, warn of implausible values. Default true. */
  readonly checkValues?: boolean;
  /** Receives warnings. Default: none. */
  readonly logger?: Logger;
  readonly signal?: AbortSignal;
  /** How addresses are fetched: time limit, repetitions, headers, private hosts. */
  readonly http?: HttpSourceOptions;
  /**
   * Turns the address of a STAC asset into one that may be read, for catalogues whose files want a signature (Planetary
   * Computer). It is asked once per file, at opening. Default: addresses are used as they are.
   */
  readonly sign?: (href: string) => Promise<string>;
  /** What kinds of scene can be opened, tried in order. Default `sceneDoors`. */
  readonly doors?: readonly SceneDoor[];
}

/** One kind of scene on disk or elsewhere, and how to open it. */
export interface SceneDoor {
  /** What it opens, for messages: "a multi-band GeoTIFF". */
  readonly opens: string;
  /** Whether the source looks like it, judged cheaply and without throwing on other kinds. */
  recognises(source: SceneSource): Promise<boolean>;
  open(source: SceneSource, options: OpenSceneOptions): Promise<Scene>;
}
