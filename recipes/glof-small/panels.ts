import { blankCanvas, type Canvas, type Color } from "@glof/report";
import { encode } from "fast-png";

/** What the panels show; row-major arrays of one size. */
export interface PanelInput {
  readonly width: number;
  readonly height: number;
  readonly red: Float32Array;
  readonly green: Float32Array;
  readonly blue: Float32Array;
  /** 1, 0, 255 */
  readonly truth: Uint8Array;
  readonly found: Uint8Array;
  readonly ndwiFound: Uint8Array;
}

const GAP_PX = 6;
const HIT: Color = [60, 160, 255];
const FALSE_ALARM: Color = [255, 60, 60];
const MISS: Color = [255, 215, 0];
const UNKNOWN: Color = [60, 220, 200];

/** Image, model and NDWI side by side, as PNG. Blue: hit, red: false alarm, yellow: missed, turquoise: no truth to tell. */
export function drawPanels(input: PanelInput): Uint8Array {
  const { width, height } = input;
  const canvas = blankCanvas(3 * width + 2 * GAP_PX, height);
  const white = whitePoint(input);
  drawPanel(canvas, 0, input, white, undefined);
  drawPanel(canvas, width + GAP_PX, input, white, input.found);
  drawPanel(canvas, 2 * (width + GAP_PX), input, white, input.ndwiFound);
  return encode({ width: canvas.width, height: canvas.height, data: canvas.rgba, channels: 4 });
}

function drawPanel(
  canvas: Canvas,
  left: number,
  input: PanelInput,
  white: number,
  mask: Uint8Array | undefined,
): void {
  const { width, height, red, green, blue, truth } = input;
  for (let pixel = 0; pixel < width * height; pixel++) {
    const target = 4 * (Math.floor(pixel / width) * canvas.width + left + (pixel % width));
    const color = mask === undefined ? undefined : verdict(truth[pixel]!, mask[pixel] === 1);
    const shown = [red, green, blue].map((band, channel) => {
      const grey = 255 * Math.sqrt(Math.min(1, Math.max(0, band[pixel]! / white)));
      return color === undefined ? grey : 0.25 * grey + 0.75 * color[channel]!;
    });
    canvas.rgba.set(shown, target);
  }
}

function verdict(truth: number, found: boolean): Color | undefined {
  if (truth === 255) return found ? UNKNOWN : undefined;
  if (truth === 1) return found ? HIT : MISS;
  return found ? FALSE_ALARM : undefined;
}

/** Reflectance shown white: the 97th percentile of the green band. */
function whitePoint({ green }: PanelInput): number {
  const sorted = Float32Array.from(green).sort();
  return Math.max(0.05, sorted[Math.floor(0.97 * (sorted.length - 1))]!);
}
