import type { FieldGrid } from "./grid.js";

/** Width of the border around a scene, pixels. */
export const PAD = 24;

/**
 * The pixels of a scene and a border around them, so that shadows, blur and glaciers come in from outside.
 */
export function paddedGrid(width: number, height: number, pixelSizeM: number): FieldGrid {
  return {
    cols: width + 2 * PAD,
    rows: height + 2 * PAD,
    cellM: pixelSizeM,
    originXM: (0.5 - PAD) * pixelSizeM,
    originYM: (0.5 - PAD) * pixelSizeM,
  };
}

/** Every `step`th pixel of the scene that a padded grid holds, without the border. */
export function sparseGrid(padded: FieldGrid, step: number): FieldGrid {
  return {
    cols: Math.max(1, Math.floor((padded.cols - 2 * PAD) / step)),
    rows: Math.max(1, Math.floor((padded.rows - 2 * PAD) / step)),
    cellM: padded.cellM * step,
    originXM: padded.originXM + (PAD + (step - 1) / 2) * padded.cellM,
    originYM: padded.originYM + (PAD + (step - 1) / 2) * padded.cellM,
  };
}
