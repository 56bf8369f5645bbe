import type { OpenJpeg } from "@cornerstonejs/codec-openjpeg/decodewasmjs";
import type { RasterArray } from "../../types.js";
import { type Decoded, type DecodeJob, maxIdleHeapBytes, pixelsOf } from "./decode_job.js";

interface Loaded {
  readonly module: OpenJpeg;
  /** What the decoder printed last. */
  readonly printed: string[];
}

let loaded: Promise<Loaded> | undefined;

/**
 * Decodes a codestream in this thread, with OpenJPEG compiled to WebAssembly (@cornerstonejs/codec-openjpeg 1.3.6), loaded at
 * first use and kept for the next call.
 *
 * @param locateFile in a browser, where `openjpegwasm_decode.wasm` lies; beside the script by default
 * @throws GlofError as `pixelsOf`
 */
export async function decodeHere(
  job: DecodeJob,
  locateFile?: (file: string) => string,
): Promise<RasterArray> {
  loaded ??= load(locateFile);
  const mine = loaded;
  const forget = (): void => {
    if (loaded === mine) loaded = undefined;
  };
  try {
    const decoded = decodeWith(await mine, job);
    if (decoded.isLarge) forget();
    return pixelsOf(decoded, job);
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

function decodeWith({ module, printed }: Loaded, { stream, level }: DecodeJob): Decoded {
  printed.length = 0;
  const decoder = new module.J2KDecoder();
  const isLarge = (): boolean => module.HEAPU8.length > maxIdleHeapBytes;
  try {
    decoder.getEncodedBuffer(stream.length).set(stream);
    if (level === 0) decoder.decode();
    else decoder.decodeSubResolution(level, 0);
    return { bytes: decoder.getDecodedBuffer().slice(), printed, isLarge: isLarge() };
  } catch (cause) {
    return { bytes: undefined, printed, isLarge: isLarge(), cause };
  } finally {
    decoder.delete();
  }
}
