import type { RasterArray, RasterDtype } from "../../types.js";
import { bytesPerPixel, viewAsRasterArray } from "../array_types.js";
import { corruptJp2, tooLargeJp2 } from "./jp2_errors.js";

/** A codestream to decode whole, and what must come out. */
export interface DecodeJob {
  readonly stream: Uint8Array<ArrayBuffer>;
  /** How often the resolution is halved. */
  readonly level: number;
  /** Samples of all components. */
  readonly samples: number;
  readonly dtype: RasterDtype;
  /** Of the file, for messages. */
  readonly name: string;
}

/** What a decoder made of a codestream, in this thread or another. */
export interface Decoded {
  /** A copy of the pixels, components side by side; `undefined` where the decoder threw. */
  readonly bytes: Uint8Array<ArrayBuffer> | undefined;
  /** What it printed on the way. */
  readonly printed: readonly string[];
  /** Whether its memory has grown beyond what an idle decoder keeps. */
  readonly isLarge: boolean;
  /** What it threw: numbers, the places of C++ exceptions. */
  readonly cause?: unknown;
}

/** WebAssembly memory never shrinks: a decoder that grew beyond this is let go. */
export const maxIdleHeapBytes = 256 * 2 ** 20;

/**
 * The pixels of a tile, if they are all there.
 *
 * @throws GlofError `corrupt-file` with OpenJPEG's own words; `limit-exceeded` when its 2 GiB are not enough
 */
export function pixelsOf({ bytes, printed, isLarge, cause }: Decoded, job: DecodeJob): RasterArray {
  const { name, samples, dtype } = job;
  if (bytes === undefined) {
    if (isLarge) throw tooLargeJp2(name, "tiles that decode in 2 GiB", `one of ${samples} samples`);
    throw corruptJp2(
      name,
      `a tile that does not decode (${printed.at(-1)?.trim() ?? "decoder error"})`,
      cause,
    );
  }
  const fault = printed.find((text) => text.includes("[ERROR]"));
  if (fault !== undefined || bytes.length !== samples * bytesPerPixel(dtype)) {
    throw corruptJp2(name, `a tile that does not decode (${fault?.trim() ?? `${bytes.length} bytes`})`);
  }
  return viewAsRasterArray(dtype, bytes.buffer, 0, samples);
}
