import type { PixelWindow } from "@glof/geo";
import type { TileInput } from "@glof/inference";
import { readScaled, type Scene } from "@glof/sentinel2";
import { bandScaling } from "./normalise.js";
import type { SegmenterConfig } from "./segmenter_config.js";

/** Rows read at a time: reflectance and raw numbers of more would only wait beside the normalised pixels. */
const rowsAtOnce = 128;

/** Reads a window of a scene as the model wants it, piece by piece, into the memory of `spare` where that is enough. */
export async function readNormalised(
  scene: Scene,
  window: PixelWindow,
  { bands, normalisation }: Pick<SegmenterConfig, "bands" | "normalisation">,
  { signal, spare }: { readonly signal: AbortSignal | undefined; readonly spare?: TileInput | undefined },
): Promise<TileInput> {
  const count = window.width * window.height;
  const values = count * bands.length;
  const pixels = new Float32Array(memoryOf(spare?.pixels, 4 * values), 0, values);
  const validMask = new Uint8Array(memoryOf(spare?.validMask, count), 0, count);
  const scaling = bandScaling(normalisation);
  for (let row = 0; row < window.height; row += rowsAtOnce) {
    const height = Math.min(rowsAtOnce, window.height - row);
    const piece = { x: window.x, y: window.y + row, width: window.width, height };
    const start = row * window.width;
    const end = start + height * window.width;
    const into = {
      pixels: pixels.subarray(start * bands.length, end * bands.length),
      validMask: validMask.subarray(start, end),
    };
    await readScaled(scene, piece, bands, scaling, { signal, into });
  }
  return { pixels, validMask };
}

/** The memory of an array, where it is enough, or new. */
function memoryOf(array: Float32Array | Uint8Array | undefined, bytes: number): ArrayBufferLike {
  return array !== undefined && array.buffer.byteLength >= bytes ? array.buffer : new ArrayBuffer(bytes);
}
