import { mapToPixel, type RasterGrid } from "@glof/geo";
import type { Lake } from "@glof/mapping/browser";
import { type Canvas, niceLengthM } from "@glof/report";
import type { AppState, SceneView } from "./state.js";

/** Small pictures are magnified by whole numbers to about this many pixels, so that outlines stay fine. */
const wantedSidePx = 1200;
const outlineColor = "#ffe100";
const selectedColor = "#00f0ff";

/** A picture as something a canvas can draw; made once per picture. */
const drawables = new WeakMap<Canvas, HTMLCanvasElement>();

/** Draws picture, overlay, outlines and scale bar. */
export function drawMap(target: HTMLCanvasElement, state: AppState): void {
  const { sceneView, mapView, lakes, opacity, selectedLakeId } = state;
  const context = target.getContext("2d");
  if (!sceneView || !context) return;
  const { picture, step } = sceneView;
  const zoom = Math.max(1, Math.floor(wantedSidePx / Math.max(picture.width, picture.height)));
  fit(target, picture.width * zoom, picture.height * zoom);
  context.imageSmoothingEnabled = false;
  context.drawImage(toDrawable(picture), 0, 0, target.width, target.height);
  if (mapView && opacity > 0) {
    context.globalAlpha = opacity;
    context.drawImage(toDrawable(mapView.overlay), 0, 0, target.width, target.height);
    context.globalAlpha = 1;
  }
  const pen = Math.max(1.5, Math.max(target.width, target.height) / 700);
  const scale = zoom / step;
  strokeLakes(context, lakes, sceneView.scene.grid, { scale, color: outlineColor, width: pen });
  const selected = lakes.filter(({ id }) => id === selectedLakeId);
  strokeLakes(context, selected, sceneView.scene.grid, { scale, color: selectedColor, width: 2.5 * pen });
  drawScaleBar(context, sceneView, scale);
}

/** The lake under a point of the canvas, in canvas pixels. */
export function lakeAt(target: HTMLCanvasElement, state: AppState, x: number, y: number): Lake | undefined {
  const context = target.getContext("2d");
  const { sceneView, lakes } = state;
  if (!context || !sceneView) return undefined;
  const scale = target.width / (sceneView.picture.width * sceneView.step);
  return lakes.find((lake) =>
    context.isPointInPath(toPath(lake, sceneView.scene.grid, scale), x, y, "evenodd"),
  );
}

function fit(target: HTMLCanvasElement, width: number, height: number): void {
  if (target.width === width && target.height === height) return;
  target.width = width;
  target.height = height;
}

function toDrawable(picture: Canvas): HTMLCanvasElement {
  const made = drawables.get(picture);
  if (made) return made;
  const canvas = document.createElement("canvas");
  canvas.width = picture.width;
  canvas.height = picture.height;
  const pixels = new ImageData(new Uint8ClampedArray(picture.rgba), picture.width, picture.height);
  canvas.getContext("2d")?.putImageData(pixels, 0, 0);
  drawables.set(picture, canvas);
  return canvas;
}

function strokeLakes(
  context: CanvasRenderingContext2D,
  lakes: readonly Lake[],
  grid: RasterGrid,
  pen: { scale: number; color: string; width: number },
): void {
  context.strokeStyle = pen.color;
  context.lineWidth = pen.width;
  context.lineJoin = "round";
  for (const lake of lakes) context.stroke(toPath(lake, grid, pen.scale));
}

function toPath(lake: Lake, grid: RasterGrid, scale: number): Path2D {
  const path = new Path2D();
  for (const ring of lake.polygon) {
    ring.forEach(([mapX, mapY], index) => {
      const [column, row] = mapToPixel(grid.geoTransform, mapX, mapY);
      if (index === 0) path.moveTo(column * scale, row * scale);
      else path.lineTo(column * scale, row * scale);
    });
    path.closePath();
  }
  return path;
}

/** Lower left, at most a quarter of the picture long. */
function drawScaleBar(context: CanvasRenderingContext2D, { pixelSizeM }: SceneView, scale: number): void {
  if (pixelSizeM === undefined) return;
  const { width, height } = context.canvas;
  const lengthM = niceLengthM(((width / 4) * pixelSizeM) / scale);
  const barPx = (lengthM * scale) / pixelSizeM;
  const unit = Math.max(8, Math.round(Math.min(width, height) / 45));
  const [left, bottom] = [unit, height - unit];
  context.fillStyle = "rgb(0 0 0 / 0.55)";
  context.fillRect(left, bottom - 2.4 * unit, barPx + unit, 2.4 * unit);
  context.fillStyle = "#fff";
  context.font = `${1.2 * unit}px system-ui, sans-serif`;
  context.textBaseline = "alphabetic";
  const label = lengthM >= 1000 ? `${lengthM / 1000} km` : `${lengthM} m`;
  context.fillText(label, left + unit / 2, bottom - unit);
  context.fillRect(left + unit / 2, bottom - 0.6 * unit, barPx, unit / 4);
}
