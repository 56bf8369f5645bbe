import type { BandScaling } from "@glof/core";
import type { PixelWindow } from "@glof/geo";
import type { BandName, Scene } from "../types.js";
import { scaleBands } from "./scale_bands.js";

/** A window of a scene as a model takes it. */
export interface ScaledWindow {
  /** `(clip(reflectance) - mean) / std`, 0 where not valid. Row-major [height, width, bands]. */
  readonly pixels: Float32Array;
  /** 1 = usable. Row-major [height, width]. */
  readonly validMask: Uint8Array;
}

/** Reads a window into arrays of its size; `false` when it cannot, and then nothing was written. */
export type ScaledReader = (
  window: PixelWindow,
  bands: readonly BandName[],
  scaling: readonly BandScaling[],
  into: ScaledWindow,
  signal: AbortSignal | undefined,
) => Promise<boolean>;

/**
 * Readers of scenes that have a faster way than by reflectance. They are kept by the scene's `readReflectance`: a scene that
 * wraps another and reads in its own way has another one, and what it does to the pixels counts.
 */
const readers = new WeakMap<Scene["readReflectance"], ScaledReader>();

/**
 * Gives a scene a faster way for `readScaled`, such as another thread, in place of what it had.
 *
 * @param reader must give, to the bit, what `readReflectance` and `standardiseBand` give
 */
export function setScaledReader(scene: Scene, reader: ScaledReader): void {
  readers.set(scene.readReflectance, reader);
}

/**
 * Reads a window of a scene, clips and standardises it: to the bit what `readReflectance` and `standardiseBand` give, in a part
 * of the time where files hold whole numbers of 16 bits and no band has to be resampled.
 *
 * @param scaling one per asked band
 * @param options `into`: arrays of the window's size to write to; new ones by default
 * @throws GlofError what `readReflectance` throws
 */
export async function readScaled(
  scene: Scene,
  window: PixelWindow,
  bands: readonly BandName[],
  scaling: readonly BandScaling[],
  options: { readonly signal?: AbortSignal | undefined; readonly into?: ScaledWindow } = {},
): Promise<ScaledWindow> {
  const { signal, into = emptyWindow(window, bands.length) } = options;
  const reader = readers.get(scene.readReflectance);
  if (await reader?.(window, bands, scaling, into, signal)) return into;
  const read = await scene.readReflectance(window, bands, { signal });
  scaleBands(into.pixels, read, scaling);
  into.validMask.set(read.validMask);
  return into;
}

function emptyWindow({ width, height }: PixelWindow, bandCount: number): ScaledWindow {
  return {
    pixels: new Float32Array(width * height * bandCount),
    validMask: new Uint8Array(width * height),
  };
}
