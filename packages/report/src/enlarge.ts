import { blankCanvas, type Canvas } from "./canvas.js";

/** A copy with each pixel as a square of `factor` x `factor`: a small scene is looked at pixel by pixel. */
export function enlargeCanvas(canvas: Canvas, factor: number): Canvas {
  const large = blankCanvas(canvas.width * factor, canvas.height * factor);
  const from = new Uint32Array(canvas.rgba.buffer, canvas.rgba.byteOffset, canvas.width * canvas.height);
  const to = new Uint32Array(large.rgba.buffer);
  for (let y = 0; y < large.height; y++) {
    const row = Math.floor(y / factor) * canvas.width;
    for (let x = 0; x < large.width; x++) to[y * large.width + x] = from[row + Math.floor(x / factor)]!;
  }
  return large;
}
