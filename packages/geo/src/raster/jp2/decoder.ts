import type { OpenJpeg } from "@cornerstonejs/codec-openjpeg/decodewasmjs";
import { isGlofError } from "@glof/core";
import type { RasterArray, RasterDtype } from "../../types.js";
import { bytesPerPixel, viewAsRasterArray } from "../array_types.js";
import { corruptJp2, tooLargeJp2 } from "./jp2_errors.js";

/** A codestream to decode whole, and what must come out. */
export interface DecodeJob {
  readonly stream: Uint8Array;
  /** How often the resolution is halved. */
  readonly level: number;
  /** Samples of all components. */
  readonly samples: number;
  readonly dtype: RasterDtype;
  /** Of the file, for messages. */
  readonly name: string;
}

interface Loaded {
  readonly module: OpenJpeg;
  /** What the decoder printed last. */
  readonly printed: string[];
}

/** WebAssembly memory never shrinks: a decoder that grew beyond this is let go. */
const maxIdleHeapBytes = 256 * 2 ** 20;

let loaded: Promise<Loaded> | undefined;

/**
 * Decodes a codestream with OpenJPEG compiled to WebAssembly (@cornerstonejs/codec-openjpeg 1.3.6), loaded at first use
 * and kept for the next call. The pixels are a copy, components side by side.
 *
 * @param locateFile in a browser, where `openjpegwasm_decode.wasm` lies; beside the script by default
 * @throws GlofError `corrupt-file` with OpenJPEG's own words; `limit-exceeded` when its 2 GiB are not enough
 */
export async function decodeCodestream(
  job: DecodeJob,
  locateFile?: (file: string) => string,
): Promise<RasterArray> {
  loaded ??= load(locateFile);
  const mine = loaded;
  const forget = (): void => {
    if (loaded === mine) loaded = undefined;
  };
  try {
    const { module, printed } = await mine;
    printed.length = 0;
    const pixels = decodeWith(module, printed, job);
    if (module.HEAPU8.length > maxIdleHeapBytes) forget();
    return pixels;
  } catch (error) {
    // After a failure its memory may be in any state.
    forget();
    throw error;
  }
}

async function load(locateFile: ((file: string) => string) | undefined): Promise<Loaded> {
  const { default: createOpenJpeg } = await import("@cornerstonejs/codec-openjpeg/decodewasmjs");
  const printed: string[] = [];
  const print = (text: string): void => {
    // Warnings can come by the thousand from a broken file.
    if (printed.length < 32) printed.push(text);
  };
  const module = await createOpenJpeg({ print, printErr: print, ...(locateFile && { locateFile }) });
  return { module, printed };
}

function decodeWith(module: OpenJpeg, printed: readonly string[], job: DecodeJob): RasterArray {
  const { stream, level, samples, dtype, name } = job;
  const decoder = new module.J2KDecoder();
  try {
    decoder.getEncodedBuffer(stream.length).set(stream);
    if (level === 0) decoder.decode();
    else decoder.decodeSubResolution(level, 0);
    const bytes = decoder.getDecodedBuffer();
    const faults = printed.filter((text) => text.includes("[ERROR]"));
    if (faults.length > 0 || bytes.length !== samples * bytesPerPixel(dtype)) {
      throw corruptJp2(name, `a tile that does not decode (${faults[0]?.trim() ?? `${bytes.length} bytes`})`);
    }
    return viewAsRasterArray(dtype, bytes.slice().buffer, 0, samples);
  } catch (error) {
    if (isGlofError(error)) throw error;
    if (module.HEAPU8.length > maxIdleHeapBytes) {
      throw tooLargeJp2(name, "tiles that decode in 2 GiB", `one of ${samples} samples`);
    }
    // The decoder throws numbers: places of C++ exceptions.
    throw corruptJp2(
      name,
      `a tile that does not decode (${printed.at(-1)?.trim() ?? "decoder error"})`,
      error,
    );
  } finally {
    decoder.delete();
  }
}
