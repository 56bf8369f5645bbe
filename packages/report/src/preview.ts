import { type MultiPolygon, mapToPixel, type RasterGrid } from "@glof/geo";
import { type Canvas, type Color, drawLine } from "./canvas.js";
import { encodePng } from "./encode_png.js";
import { drawScaleBar } from "./scale_bar.js";

/** What a preview shows. */
export interface PreviewOptions {
  /** Background, drawn on and so changed: usually `beginOverview(…).toCanvas()`. */
  readonly canvas: Canvas;
  /** Grid of the scene (not of the canvas) that `outlines` and the scale refer to. */
  readonly grid: RasterGrid;
  /** Scene pixels per canvas pixel. */
  readonly step: number;
  /** In the scene's CRS. */
  readonly outlines: readonly MultiPolygon[];
  /** Metres per scene pixel, for the scale bar; left out without it. */
  readonly pixelSizeM?: number;
  /** Default yellow. */
  readonly outlineColor?: Color;
}

const DEFAULT_OUTLINE_COLOR: Color = [255, 225, 0];

/** A true-colour picture with lake outlines and a scale bar, as the bytes of a PNG. */
export function renderPreview(options: PreviewOptions): Uint8Array {
  const { canvas, grid, step, outlines, pixelSizeM, outlineColor = DEFAULT_OUTLINE_COLOR } = options;
  const thickness = Math.max(1, Math.round(Math.max(canvas.width, canvas.height) / 900));
  const toCanvas = (x: number, y: number): [number, number] => {
    const [column, row] = mapToPixel(grid.geoTransform, x, y);
    return [column / step - 0.5, row / step - 0.5];
  };
  for (const polygon of outlines.flat()) {
    for (const ring of polygon) {
      for (let index = 1; index < ring.length; index++) {
        const [from, to] = [ring[index - 1]!, ring[index]!];
        drawLine(canvas, toCanvas(...from), toCanvas(...to), outlineColor, thickness);
      }
    }
  }
  if (pixelSizeM !== undefined) drawScaleBar(canvas, pixelSizeM * step);
  return encodePng(canvas);
}
