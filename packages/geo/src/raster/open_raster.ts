import { GlofError } from "@glof/core";
import type { RasterSource } from "../types.js";
import { openByteSource } from "./open_byte_source.js";
import { isTiffStart, openTiff } from "./open_tiff.js";
import { type OpenRasterOptions, type RasterFormat, sniffedBytes } from "./raster_format.js";
import { describeStart } from "./sniff_format.js";

export type { OpenRasterOptions } from "./raster_format.js";

/** Asked in order; the first that recognises a file opens it. */
const formats: readonly RasterFormat[] = [{ name: "GeoTIFF", recognises: isTiffStart, open: openTiff }];

/**
 * Opens a raster: GeoTIFF (see `openTiff` for what it may hold). The first bytes decide, not the file's name. Only the
 * header is read; pixels come window by window through `readWindow`.
 *
 * @param source path (Node), `http(s)` URL read by range requests, `Blob`/`File`, or the file's bytes
 * @throws GlofError `not-found`, `io`, `network`; `unsupported-format` when no reader knows the file; `corrupt-file` when
 *   it is truncated or contradicts itself; `unsupported-feature`; `limit-exceeded` for absurd sizes
 */
export async function openRaster(
  source: string | URL | Blob | ArrayBuffer,
  options: OpenRasterOptions = {},
): Promise<RasterSource> {
  const bytes = await openByteSource(source, options.name);
  try {
    const start = await bytes.read(0, Math.min(sniffedBytes, bytes.size));
    const format = formats.find((candidate) => candidate.recognises(start, bytes));
    if (format === undefined) {
      const names = formats.map(({ name }) => name).join(" or ");
      throw new GlofError(
        "unsupported-format",
        `${bytes.name}: expected ${names}, got ${describeStart(start)}. Give a file of those formats.`,
        { name: bytes.name },
      );
    }
    return await format.open(bytes, options);
  } catch (error) {
    await bytes.close();
    throw error;
  }
}
