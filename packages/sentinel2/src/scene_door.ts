import type { Logger } from "@glof/core";
import type { ProcessingLevel, Scene } from "./types.js";

/** Where a scene comes from: a path or URL, or the bytes of a file. */
export type SceneSource = string | URL | Blob | ArrayBuffer;

/** Options of `openScene`. What the file states itself need not be said. */
export interface OpenSceneOptions {
  /**
   * For one file: the names of its bands in its own order, for files that name none or name them otherwise; `"-"` leaves a band
   * out. For a folder: the bands to use; the other files are not opened.
   */
  readonly bands?: readonly string[];
  /** Processing level, where the product's name does not tell. */
  readonly level?: ProcessingLevel;
  /** `reflectance = (DN + offsetDn) / quantification`. Default: the file's scale tag, else 10000 (1 for float files). */
  readonly quantification?: number;
  /** Default: the file's offset tag, else 0. Products of processing baseline 04.00 and later need -1000. */
  readonly offsetDn?: number;
  /** Name of a source that has none (bytes), for messages and the scene's `id`. */
  readonly name?: string;
  /** Look at a sample of the pixels: refuse a scene without any, warn of implausible values. Default true. */
  readonly checkValues?: boolean;
  /** Receives warnings. Default: none. */
  readonly logger?: Logger;
  readonly signal?: AbortSignal;
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
