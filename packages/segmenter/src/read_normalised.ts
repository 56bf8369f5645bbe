import type { PixelWindow } from "@glof/geo";
import type { TileInput } from "@glof/inference";
import { readScaled, type Scene } from "@glof/sentinel2";
import { bandScaling } from "./normalise.js";
import type { SegmenterConfig } from "./segmenter_config.js";

/** Rows read at a time: reflectance and raw numbers of more would only wait beside the normalised pixels. */
const rowsAtOnce = 128;

/** Reads a window of a scene as the model wants it, piece by piece. */
export async function readNormalised(
  scene: Scene,
  window: PixelWindow,
  { bands, normalisation }: Pick<SegmenterConfig, "bands" | "normalisation">,
  signal: AbortSignal | undefined,
): Promise<TileInput> {
  const pixels = new Float32Array(window.width * window.height * bands.length);
  const validMask = new Uint8Array(window.width * window.height);
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
