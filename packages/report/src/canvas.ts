/** An 8-bit RGBA picture to draw on. Coordinates are pixels from the upper left; drawing outside is cut off. */
export interface Canvas {
  readonly width: number;
  readonly height: number;
  /** Row-major RGBA. */
  readonly rgba: Uint8Array;
}

/** Red, green, blue, each 0 to 255. */
export type Color = readonly [red: number, green: number, blue: number];

/** A black, opaque canvas. */
export function blankCanvas(width: number, height: number): Canvas {
  const rgba = new Uint8Array(width * height * 4);
  for (let alpha = 3; alpha < rgba.length; alpha += 4) rgba[alpha] = 255;
  return { width, height, rgba };
}

/** Mixes a colour into one pixel; `opacity` 1 replaces it. */
export function blendPixel(canvas: Canvas, x: number, y: number, color: Color, opacity = 1): void {
  if (x < 0 || y < 0 || x >= canvas.width || y >= canvas.height) return;
  const start = (y * canvas.width + x) * 4;
  for (let channel = 0; channel < 3; channel++) {
    const under = canvas.rgba[start + channel]!;
    canvas.rgba[start + channel] = Math.round(under + (color[channel]! - under) * opacity);
  }
}

/** Fills a rectangle. */
export function fillRect(
  canvas: Canvas,
  rect: { x: number; y: number; width: number; height: number },
  color: Color,
  opacity = 1,
): void {
  for (let y = rect.y; y < rect.y + rect.height; y++) {
    for (let x = rect.x; x < rect.x + rect.width; x++) blendPixel(canvas, x, y, color, opacity);
  }
}

/** Draws a straight line between two points (digital differential analyser), as a square pen of `thickness` pixels. */
export function drawLine(
  canvas: Canvas,
  from: readonly [x: number, y: number],
  to: readonly [x: number, y: number],
  color: Color,
  thickness = 1,
): void {
  const steps = Math.max(1, Math.ceil(Math.max(Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1]))));
  const reach = Math.floor(thickness / 2);
  for (let step = 0; step <= steps; step++) {
    const x = Math.round(from[0] + ((to[0] - from[0]) * step) / steps);
    const y = Math.round(from[1] + ((to[1] - from[1]) * step) / steps);
    fillRect(canvas, { x: x - reach, y: y - reach, width: thickness, height: thickness }, color);
  }
}
