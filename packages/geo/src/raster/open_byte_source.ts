import { type ByteSource, openBytes } from "@glof/core/bytes";
import type { OpenRasterOptions, RasterInput } from "./raster_format.js";

/**
 * Opens anything `openRaster` takes. Strings that begin with `http:` or `https:` and `URL`s are fetched by ranges; other
 * strings are paths.
 *
 * @throws GlofError `not-found`, `io`, `network`, `bad-argument`
 */
export async function openByteSource(
  source: RasterInput,
  name: string | undefined,
  { http, signal }: Pick<OpenRasterOptions, "http" | "signal"> = {},
): Promise<ByteSource> {
  return isByteSource(source) ? source : openBytes(source, { name, http, signal });
}

/** Whether a source is already open. */
export const isByteSource = (source: RasterInput): source is ByteSource =>
  typeof source === "object" && "read" in source && "size" in source;
