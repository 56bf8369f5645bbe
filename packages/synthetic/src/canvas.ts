import { cellCount, type FieldGrid } from "./grid.js";
import { SPECTRUM_LENGTH, type Spectrum } from "./spectra.js";
import { type SurfaceClass, surfaceCode } from "./types.js";

/** Reflectances being painted, cover by cover, and which cover fills most of each pixel. */
export interface Canvas {
  readonly grid: FieldGrid;
  /** One field per band. */
  readonly albedo: readonly Float32Array[];
  readonly classMap: Uint8Array;
}

/** An empty canvas. */
export function makeCanvas(grid: FieldGrid): Canvas {
  return {
    grid,
    albedo: Array.from({ length: SPECTRUM_LENGTH }, () => new Float32Array(cellCount(grid))),
    classMap: new Uint8Array(cellCount(grid)),
  };
}

/**
 * Lays a material over the canvas.
 *
 * @param share part of each pixel that it takes, 0 to 1
 * @param level brightness of the material at each pixel, 1 where absent
 */
export function paint(
  canvas: Canvas,
  name: SurfaceClass,
  spectrum: Spectrum,
  share: ArrayLike<number>,
  level?: Float32Array,
): void {
  const code = surfaceCode(name);
  for (let cell = 0; cell < canvas.classMap.length; cell++)
    if (share[cell]! >= 0.5) canvas.classMap[cell] = code;
  canvas.albedo.forEach((field, band) => {
    const value = spectrum[band]!;
    for (let cell = 0; cell < field.length; cell++) {
      const part = share[cell]!;
      if (part <= 0) continue;
      const painted = level === undefined ? value : value * level[cell]!;
      field[cell] = field[cell]! + part * (painted - field[cell]!);
    }
  });
}

/** Multiplies the painted reflectances by a texture around 1. */
export function modulate(canvas: Canvas, texture: Float32Array): void {
  for (const field of canvas.albedo) {
    for (let cell = 0; cell < field.length; cell++) field[cell] = field[cell]! * texture[cell]!;
  }
}
