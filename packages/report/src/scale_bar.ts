import { type Canvas, fillRect } from "./canvas.js";
import { drawText, textWidth } from "./glyphs.js";

/** The longest of 1, 2, 5 times a power of ten metres that is not over `limitM`. */
export function niceLengthM(limitM: number): number {
  const power = 10 ** Math.floor(Math.log10(limitM));
  const factor = [5, 2, 1].find((candidate) => candidate * power <= limitM) ?? 1;
  return factor * power;
}

/** Text of a bar: `500 m`, `2 km`. */
export function lengthLabel(lengthM: number): string {
  return lengthM >= 1000 ? `${lengthM / 1000} km` : `${lengthM} m`;
}

/**
 * Draws a scale bar in the lower left corner, at most a quarter of the picture long, on a dark plate.
 * A picture too small to hold one is left alone, and so is one without a size.
 *
 * @param pixelSizeM metres per pixel of the picture
 */
export function drawScaleBar(canvas: Canvas, pixelSizeM: number): void {
  if (!(pixelSizeM > 0 && Number.isFinite(pixelSizeM))) return;
  const size = Math.max(1, Math.round(Math.min(canvas.width, canvas.height) / 400));
  const margin = 6 * size;
  const lengthM = niceLengthM((canvas.width / 4) * pixelSizeM);
  const barPx = Math.round(lengthM / pixelSizeM);
  const label = lengthLabel(lengthM);
  const plate = {
    x: margin,
    y: canvas.height - margin - 18 * size,
    width: Math.max(barPx, textWidth(label, size)) + 8 * size,
    height: 18 * size,
  };
  if (plate.y < 0 || plate.x + plate.width > canvas.width || barPx < 2) return;
  fillRect(canvas, plate, [0, 0, 0], 0.55);
  drawText(canvas, label, plate.x + 4 * size, plate.y + 3 * size, [255, 255, 255], size);
  fillRect(
    canvas,
    { x: plate.x + 4 * size, y: plate.y + 13 * size, width: barPx, height: 2 * size },
    [255, 255, 255],
  );
}
