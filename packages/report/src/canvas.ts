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
  const [right, bottom] = [
    Math.min(canvas.width, rect.x + rect.width),
    Math.min(canvas.height, rect.y + rect.height),
  ];
  for (let y = Math.max(0, rect.y); y < bottom; y++) {
    for (let x = Math.max(0, rect.x); x < right; x++) blendPixel(canvas, x, y, color, opacity);
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
  const part = partOnCanvas(canvas, from, to, thickness);
  if (part === undefined) return;
  const [start, end] = part;
  const steps = Math.max(1, Math.ceil(Math.max(Math.abs(end[0] - start[0]), Math.abs(end[1] - start[1]))));
  const reach = Math.floor(thickness / 2);
  for (let step = 0; step <= steps; step++) {
    const x = Math.round(start[0] + ((end[0] - start[0]) * step) / steps);
    const y = Math.round(start[1] + ((end[1] - start[1]) * step) / steps);
    fillRect(canvas, { x: x - reach, y: y - reach, width: thickness, height: thickness }, color);
  }
}

type Point = readonly [x: number, y: number];

/** The part of a line that a pen leaves traces of on the canvas (Liang and Barsky 1984): outlines may lead far outside. */
function partOnCanvas(
  canvas: Canvas,
  from: Point,
  to: Point,
  thickness: number,
): readonly [Point, Point] | undefined {
  const delta = [to[0] - from[0], to[1] - from[1]] as const;
  let [enter, leave] = [0, 1];
  for (const axis of [0, 1] as const) {
    const low = -thickness;
    const high = (axis === 0 ? canvas.width : canvas.height) + thickness;
    if (delta[axis] === 0) {
      if (from[axis] < low || from[axis] > high) return undefined;
      continue;
    }
    const shares = [(low - from[axis]) / delta[axis], (high - from[axis]) / delta[axis]];
    enter = Math.max(enter, Math.min(...shares));
    leave = Math.min(leave, Math.max(...shares));
  }
  if (!(enter <= leave)) return undefined;
  const at = (share: number): Point => [from[0] + delta[0] * share, from[1] + delta[1] * share];
  return [at(enter), at(leave)];
}
