import { GlofError } from "@glof/core";
import type { RasterSource } from "../types.js";
import { isJp2Start } from "./jp2/boxes.js";
import { openJp2 } from "./jp2/open_jp2.js";
import { isClassicNetcdfStart, isHdf5Start, openNetcdf, refuseClassicNetcdf } from "./netcdf/open_netcdf.js";
import { openByteSource } from "./open_byte_source.js";
import { isTiffStart, openTiff } from "./open_tiff.js";
import {
  type OpenRasterOptions,
  type RasterFormat,
  type RasterInput,
  sniffedBytes,
} from "./raster_format.js";
import { describeStart } from "./sniff_format.js";
import { openZarr } from "./zarr/open_zarr.js";
import { zarrPlace } from "./zarr/zarr_keys.js";

export type { OpenRasterOptions, RasterInput } from "./raster_format.js";

/** Asked in order; the first that recognises a file opens it. */
const formats: readonly RasterFormat[] = [
  { name: "GeoTIFF", recognises: isTiffStart, open: openTiff },
  { name: "JPEG 2000", recognises: isJp2Start, open: openJp2 },
  { name: "NetCDF-4/HDF5", recognises: isHdf5Start, open: openNetcdf },
  { name: "NetCDF classic", recognises: isClassicNetcdfStart, open: refuseClassicNetcdf },
];

/**
 * Opens a raster: GeoTIFF (see `openTiff` for what it may hold), JPEG 2000 (see `openJp2`), a variable of a NetCDF-4 or
 * HDF5 file (optional package h5wasm), or of a Zarr folder or URL (optional package zarrita). The first bytes decide, not
 * the file's name. Only the header is read; pixels come window by window through `readWindow`.
 *
 * @param source path (Node), `http(s)` URL read by range requests, `Blob`/`File`, or the file's bytes
 * @throws GlofError `not-found`, `io`, `network`; `unsupported-format` when no reader knows the file; `corrupt-file` when
 *   it is truncated or contradicts itself; `unsupported-feature`; `limit-exceeded` for absurd sizes
 */
export async function openRaster(
  source: RasterInput,
  options: OpenRasterOptions = {},
): Promise<RasterSource> {
  const zarr = await zarrPlace(source, options.name);
  if (zarr !== undefined) return openZarr(zarr, options);
  const bytes = await openByteSource(source, options.name, options);
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
    return await format.open(bytes, options, source);
  } catch (error) {
    await bytes.close();
    throw error;
  }
}
