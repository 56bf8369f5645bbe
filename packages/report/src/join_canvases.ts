import { blankCanvas, type Canvas, type Color, fillRect } from "./canvas.js";

/** Options of `joinCanvases`. */
export interface JoinOptions {
  /** Pixels between the pictures. Default 8. */
  readonly gapPx?: number;
  /** Of the gap, and below pictures that are lower than the highest. Default white. */
  readonly background?: Color;
}

/** Pictures side by side, from left to right, their upper edges in one line. */
export function joinCanvases(pictures: readonly Canvas[], options: JoinOptions = {}): Canvas {
  const { gapPx = 8, background = [255, 255, 255] } = options;
  const width = pictures.reduce((sum, one) => sum + one.width, 0) + gapPx * Math.max(0, pictures.length - 1);
  const height = Math.max(0, ...pictures.map((one) => one.height));
  const joined = blankCanvas(width, height);
  fillRect(joined, { x: 0, y: 0, width, height }, background);
  let left = 0;
  for (const picture of pictures) {
    for (let y = 0; y < picture.height; y++) {
      const row = picture.rgba.subarray(y * picture.width * 4, (y + 1) * picture.width * 4);
      joined.rgba.set(row, (y * width + left) * 4);
    }
    left += picture.width + gapPx;
  }
  return joined;
}
