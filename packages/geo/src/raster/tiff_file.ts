import { GlofError, isGlofError } from "@glof/core";
import { GeoTIFF } from "geotiff";
import type { ByteSource } from "./byte_source.js";

/** geotiff.js asks for this much when it does not know how long a directory is, so it may run over the file's end. */
const speculativeBytes = 4_096;
/** The most that one directory may make us read: tag arrays that claim more belong to broken or hostile files. */
const directoryBytes = 256 * 2 ** 20;

/** Directories looked at after the first: overviews and masks are few, and a chain may be a loop. */
const maxDirectories = 128;

/** An image file directory of a TIFF. */
export interface TiffFile {
  /** Value of a tag by its name in the TIFF and GeoTIFF specifications: number, text or list; `undefined` if absent. */
  tag(name: string): unknown;
  /** Geo keys by name, if there are any. */
  readonly geoKeys: Readonly<Record<string, unknown>> | undefined;
  readonly littleEndian: boolean;
  /**
   * The directory after this one; `undefined` after the last.
   *
   * @throws GlofError `corrupt-file` when it cannot be read, or the chain runs in a loop
   */
  next(): Promise<TiffFile | undefined>;
}

/**
 * Reads header and first directory; `next` of the result walks the others.
 *
 * @throws GlofError `unsupported-format` for files that are no TIFF; `corrupt-file` for tags that point outside
 */
export async function readTiffFile(source: ByteSource): Promise<TiffFile> {
  await checkSignature(source);
  let budget = directoryBytes;
  const fetchSlice = async ({ offset, length }: { offset: number; length: number }) => {
    const inside = Math.min(length, source.size - offset);
    if (!(offset >= 0) || inside <= 0 || (inside < length && length > speculativeBytes)) {
      throw corrupt(source.name, `${length} bytes at ${offset} of a file of ${source.size} bytes`);
    }
    budget -= inside;
    if (budget < 0) throw corrupt(source.name, `a directory of more than ${directoryBytes} bytes`);
    const bytes = await source.read(offset, inside);
    // geotiff.js wants a buffer that holds the slice and nothing else.
    const data = bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer;
    return { offset, length: inside, data };
  };
  const adapter = {
    fetch: (slices: { offset: number; length: number }[]) =>
      Promise.all(slices.map(async (slice) => (await fetchSlice(slice)).data)),
    fetchSlice,
    fileSize: source.size,
    close: async () => {},
  };
  const named = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (isGlofError(error)) throw error;
      throw corrupt(source.name, error instanceof Error ? error.message : String(error), error);
    }
  };
  return named(async () => {
    const file = await GeoTIFF.fromSource(adapter);
    // Deferred tag arrays of geotiff.js 3.0.5 are always read as little-endian; eager ones are right.
    file.parser.eager = true;
    const directoryAt = async (offset: number, before: readonly number[]): Promise<TiffFile> => {
      const directory = await file.parser.parseFileDirectoryAt(offset);
      const seen = [...before, offset];
      const following = Number(directory.nextIFDByteOffset);
      return {
        // Its type lists the tags it loads early; with `eager` that is all of them.
        tag: (name) => directory.getValue(name as "ImageWidth"),
        geoKeys: directory.parseGeoKeyDirectory() ?? undefined,
        littleEndian: file.littleEndian,
        async next() {
          if (following === 0) return undefined;
          if (seen.includes(following) || seen.length >= maxDirectories) {
            throw corrupt(source.name, `a chain of directories that returns to ${following}`);
          }
          return named(() => directoryAt(following, seen));
        },
      };
    };
    return directoryAt(Number(file.firstIFDOffset), []);
  });
}

async function checkSignature(source: ByteSource): Promise<void> {
  const start = await source.read(0, Math.min(16, source.size));
  const hex = [...start.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  if (!/^(49 49 2[ab] 00|4d 4d 00 2[ab])$/.test(hex)) {
    throw new GlofError(
      "unsupported-format",
      `${source.name}: expected a TIFF (first bytes 49 49 2a 00 or 4d 4d 00 2a), got ${hex || "an empty file"}. Give a GeoTIFF.`,
      { name: source.name },
    );
  }
}

/** The error for a file whose parts contradict each other. */
export function corrupt(name: string, got: string, cause?: unknown): GlofError {
  return new GlofError(
    "corrupt-file",
    `${name}: expected a whole TIFF, got ${got}. Copy or make the file again.`,
    {
      name,
      cause,
    },
  );
}
