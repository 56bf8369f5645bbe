import { type BandScaling, standardiseBand } from "@glof/core";
import { type BandLayer, toReflectance } from "../band_layer.js";

/** What becomes of each of the 65536 numbers that 16 bits can hold. */
export interface NumberTable {
  /** The scaled number; NaN where `flags` has a bit, so that a reader need look there only then. */
  readonly scaled: Float32Array;
  /** As `LayerPixels.flags`. */
  readonly flags: Uint8Array;
  /** What a raw 0 becomes in a pixel that is valid all the same. */
  readonly scaledZero: number;
}

/** Made by the functions that do the same to pixels, so that both ways agree to the bit. */
export function numberTable(layer: BandLayer, scaling: BandScaling): NumberTable {
  const { refl, flags } = toReflectance(
    Uint16Array.from({ length: 2 ** 16 }, (_, number) => number),
    layer,
  );
  const scaled = new Float32Array(refl.length);
  standardiseBand(
    { values: refl, start: 0, stride: 1 },
    { values: scaled, start: 0, stride: 1 },
    refl.length,
    scaling,
  );
  const scaledZero = scaled[0]!;
  for (let number = 0; number < flags.length; number++) if (flags[number] !== 0) scaled[number] = Number.NaN;
  return { scaled, flags, scaledZero };
}
