import { isGlofError } from "@glof/core";
import { type ByteSource, openBytes } from "@glof/core/bytes";
import { inNode } from "../node_only.js";
import type { OpenRasterOptions, RasterInput } from "./raster_format.js";
import { readTiffFile } from "./tiff_file.js";
import { externalOverviews, type TiffImage } from "./tiff_images.js";
import type { TiffLayout } from "./tiff_layout.js";

/** The lower resolutions of a raster in the file beside it. */
export interface OverviewFile {
  readonly bytes: ByteSource;
  /** Finest first; at least one. */
  readonly images: readonly TiffImage[];
}

/** Larger rasters at addresses are asked for an overview file: for smaller ones the question costs more than it saves. */
const askedFrom = 512;

/**
 * The overviews that `gdaladdo -ro` puts beside a TIFF, in `<file>.ovr`. The raster is whole without them, so a file that is
 * not there, cannot be read or does not fit is passed over.
 *
 * @throws GlofError `aborted`
 */
export async function openOverviewFile(
  whole: TiffLayout,
  input: RasterInput,
  options: OpenRasterOptions,
): Promise<OverviewFile | undefined> {
  const place = siblingOf(input, ".ovr");
  const isFar = place instanceof URL && place.protocol !== "file:";
  const { siblings = !isFar || Math.max(whole.width, whole.height) > askedFrom, signal } = options;
  if (place === undefined || !siblings) return undefined;
  let bytes: ByteSource | undefined;
  try {
    bytes = await openBytes(place, { http: { ...options.http, retries: 0 }, ...(signal && { signal }) });
    const { name, size } = bytes;
    const images = (await externalOverviews(whole, await readTiffFile(bytes), name)).filter(
      ({ layout }) => indexedEnd(layout) <= size,
    );
    if (images.length > 0) return { bytes, images };
    await bytes.close();
  } catch (error) {
    await bytes?.close();
    if (!isGlofError(error) || error.code === "aborted") throw error;
  }
  return undefined;
}

/** Where a file beside `input` would be; `undefined` for what has no neighbours. */
function siblingOf(input: RasterInput, ending: string): string | URL | undefined {
  if (!(typeof input === "string" || input instanceof URL)) return undefined;
  const isAddress = input instanceof URL || /^https?:/i.test(input);
  if (!isAddress) return inNode() ? `${input}${ending}` : undefined;
  const place = new URL(input);
  if (!/^(https?|file):$/.test(place.protocol)) return undefined;
  place.pathname += ending;
  return place;
}

/** Where the last block ends: a truncated file is found when it is opened and not after an hour of work. */
export function indexedEnd(layout: TiffLayout): number {
  let end = 0;
  const count = Math.min(layout.blockOffsets.length, layout.blockByteCounts.length);
  for (let block = 0; block < count; block++) {
    const byteCount = Number(layout.blockByteCounts[block]);
    if (byteCount > 0) end = Math.max(end, Number(layout.blockOffsets[block]) + byteCount);
  }
  return end;
}
