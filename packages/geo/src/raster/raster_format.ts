import type { ByteSource, HttpSourceOptions } from "@glof/core/bytes";
import type { RasterSource } from "../types.js";

/** What `openRaster` takes: path (Node), URL, `Blob`/`File`, a file's bytes, or an open source of `@glof/core/bytes`. */
export type RasterInput = string | URL | Blob | ArrayBuffer | ByteSource;

/** Options of `openRaster`. */
export interface OpenRasterOptions {
  /** Name for messages and provenance; the path or URL by default. */
  readonly name?: string;
  /** How addresses are fetched: time limit, repetitions, headers, private hosts, servers without ranges. */
  readonly http?: HttpSourceOptions;
  /** Cancels the opening, and every later read that brings no signal of its own. */
  readonly signal?: AbortSignal;
  /**
   * Decoded blocks kept for the next window, in bytes. By default two rows of blocks, at least 16 and at most 256 MiB:
   * windows that walk along the rows then decode each block once.
   */
  readonly cacheBytes?: number;
  /**
   * Whether to look for the overviews of a TIFF in `<file>.ovr` beside it, when it has none of its own. By default yes for
   * paths, and for addresses where a side is longer than 512 pixels.
   */
  readonly siblings?: boolean;
  /** In a browser, where the decoder of JPEG 2000 finds its `openjpegwasm_decode.wasm`. */
  readonly locateFile?: (file: string) => string;
  /** Variable of a NetCDF, HDF5 or Zarr file, such as `band_data`; not needed when only one is a raster. */
  readonly variable?: string;
  /**
   * The optional packages as modules, for places where they cannot be loaded by name: in a page, give
   * `{ h5wasm: await import("h5wasm") }` or `{ zarrita: await import("zarrita") }`.
   */
  readonly peers?: { readonly h5wasm?: unknown; readonly zarrita?: unknown };
}

/** One kind of file that `openRaster` reads. */
export interface RasterFormat {
  /** As people say it, such as `GeoTIFF`. */
  readonly name: string;
  /** Whether a file that begins with these bytes (up to `sniffedBytes`, fewer if the file is shorter) is one. */
  recognises(start: Uint8Array, source: ByteSource): boolean;
  /** Reads the header. The caller closes `bytes` when this throws; the raster closes them otherwise. */
  open(bytes: ByteSource, options: OpenRasterOptions, input: RasterInput): Promise<RasterSource>;
}

/** How many first bytes of a file the formats are shown. */
export const sniffedBytes = 512;
