import type { PixelWindow } from "@glof/geo";
import { type LayerPixels, RAW_ZERO } from "./band_layer.js";
import type { Resampling } from "./types.js";

/** The pixels of a layer that a window of the scene looks at, whatever the method. `ratio` as in `BandLayer`. */
export function sourceWindow(
  window: PixelWindow,
  ratio: number,
  layerSize: { readonly width: number; readonly height: number },
): PixelWindow {
  // A coarser layer is looked at one pixel further: bilinear reaches to the next centre.
  const margin = ratio > 1 ? 1 : 0;
  const x = Math.max(0, Math.floor(window.x / ratio) - margin);
  const y = Math.max(0, Math.floor(window.y / ratio) - margin);
  const endX = Math.min(layerSize.width, Math.ceil((window.x + window.width) / ratio) + margin);
  const endY = Math.min(layerSize.height, Math.ceil((window.y + window.height) / ratio) + margin);
  return { x, y, width: endX - x, height: endY - y };
}

/**
 * Brings a layer to the scene's grid. Upper left corners coincide, and a pixel covers whole pixels of the finer of the
 * two grids (alignment by area, GDAL's PixelIsArea). The result does not depend on the window it is asked for.
 *
 * To finer pixels (20 m on a grid of 10 m): `"bilinear"` interpolates between pixel centres, and beyond the outermost
 * the value of the border holds; `"nearest"` and `"area"` both repeat the coarse pixel that holds the fine one. Whether
 * a fine pixel is valid is decided by the coarse pixel that holds it. Neighbours without a number are left out and
 * the weights of the others scaled up, so no-data never bleeds into reflectance.
 *
 * To coarser pixels (10 m on a grid of 20 m): `"area"` is the mean of the fine pixels inside that hold a number, valid when
 * at least half of them do; `"nearest"` takes the fine pixel at the centre, of four that meet there the lower right (as
 * GDAL does); `"bilinear"` the mean of the four that meet at the centre, or the one that lies there, without widening: it
 * aliases, so prefer `"area"`.
 *
 * @param pixels of the window `from` of the layer, which `sourceWindow` gave
 * @param to window of the scene
 */
export function resampleLayer(
  pixels: LayerPixels,
  from: PixelWindow,
  to: PixelWindow,
  ratio: number,
  method: Resampling,
): LayerPixels {
  if (ratio === 1) return pixels;
  if (ratio > 1 && method === "bilinear") return interpolate(pixels, from, to, ratio);
  if (ratio > 1 || method === "nearest") return takeNearest(pixels, from, to, ratio);
  return averageBlocks(pixels, from, to, Math.round(1 / ratio), method === "area");
}

/** The pixel of a layer, on one axis, that holds the centre of each pixel of a window. */
export function nearestIndices(start: number, count: number, ratio: number, from: number, length: number) {
  return Int32Array.from({ length: count }, (_, step) => {
    const centre = Math.floor((start + step + 0.5) / ratio);
    return Math.min(length - 1, Math.max(0, centre - from));
  });
}

function takeNearest(layer: LayerPixels, from: PixelWindow, to: PixelWindow, ratio: number): LayerPixels {
  const rows = nearestIndices(to.y, to.height, ratio, from.y, from.height);
  const columns = nearestIndices(to.x, to.width, ratio, from.x, from.width);
  const out = emptyPixels(to);
  let pixel = 0;
  for (const row of rows) {
    for (const column of columns) {
      const home = row * from.width + column;
      out.refl[pixel] = layer.refl[home]!;
      out.flags[pixel++] = layer.flags[home]!;
    }
  }
  return out;
}

/** Means of blocks of `factor` x `factor` fine pixels, or of those of them that meet at the centre. */
function averageBlocks(
  layer: LayerPixels,
  from: PixelWindow,
  to: PixelWindow,
  factor: number,
  whole: boolean,
): LayerPixels {
  const first = whole ? 0 : Math.floor((factor - 1) / 2);
  const last = whole ? factor - 1 : Math.floor(factor / 2);
  const out = emptyPixels(to);
  for (let row = 0; row < to.height; row++) {
    const top = (to.y + row) * factor - from.y;
    const endRow = Math.min(top + last + 1, from.height);
    for (let column = 0; column < to.width; column++) {
      const left = (to.x + column) * factor - from.x;
      const endColumn = Math.min(left + last + 1, from.width);
      // At a ragged border the block is what there is of it.
      const start = { row: Math.min(top + first, endRow - 1), column: Math.min(left + first, endColumn - 1) };
      averageBlock(layer, from.width, start, endRow, endColumn, out, row * to.width + column);
    }
  }
  return out;
}

function averageBlock(
  layer: LayerPixels,
  width: number,
  start: { readonly row: number; readonly column: number },
  endRow: number,
  endColumn: number,
  out: LayerPixels,
  target: number,
): void {
  let [sum, count, flags, zeroRefl] = [0, 0, 0, 0];
  for (let row = start.row; row < endRow; row++) {
    for (let column = start.column; column < endColumn; column++) {
      const at = row * width + column;
      if (layer.flags[at] === 0) {
        sum += layer.refl[at]!;
        count++;
      } else {
        flags |= layer.flags[at]!;
        if (layer.flags[at] === RAW_ZERO) zeroRefl = layer.refl[at]!;
      }
    }
  }
  const size = (endRow - start.row) * (endColumn - start.column);
  const mostlyNumbers = 2 * count >= size;
  out.refl[target] = mostlyNumbers ? sum / count : zeroRefl;
  if (!mostlyNumbers) out.flags[target] = flags;
}

const emptyPixels = ({ width, height }: PixelWindow): LayerPixels => ({
  refl: new Float32Array(width * height),
  flags: new Uint8Array(width * height),
});

/** Where one fine pixel lies on one axis of the coarse window. */
interface AxisSample {
  /** The coarse pixel that contains it. */
  readonly home: number;
  /** The coarse pixels with the nearest centres on both sides. */
  readonly before: number;
  readonly after: number;
  /** Weight of `after`. */
  readonly share: number;
}

function sampleAxis(start: number, count: number, ratio: number, from: number, length: number): AxisSample[] {
  const clamp = (index: number): number => Math.min(length - 1, Math.max(0, index - from));
  return Array.from({ length: count }, (_, step) => {
    const fine = start + step;
    const position = (fine + 0.5) / ratio - 0.5;
    const before = Math.floor(position);
    return {
      home: clamp(Math.floor(fine / ratio)),
      before: clamp(before),
      after: clamp(before + 1),
      share: position - before,
    };
  });
}

function interpolate(coarse: LayerPixels, from: PixelWindow, to: PixelWindow, ratio: number): LayerPixels {
  const rows = sampleAxis(to.y, to.height, ratio, from.y, from.height);
  const columns = sampleAxis(to.x, to.width, ratio, from.x, from.width);
  const { refl, flags } = emptyPixels(to);
  let pixel = 0;
  for (const row of rows) {
    for (const column of columns) {
      const home = row.home * from.width + column.home;
      flags[pixel] = coarse.flags[home]!;
      refl[pixel] = flags[pixel] === 0 ? weighted(coarse, from.width, row, column) : coarse.refl[home]!;
      pixel++;
    }
  }
  return { refl, flags };
}

function weighted(coarse: LayerPixels, width: number, row: AxisSample, column: AxisSample): number {
  let sum = 0;
  let weights = 0;
  const add = (y: number, x: number, weight: number): void => {
    const at = y * width + x;
    if (coarse.flags[at] !== 0) return;
    sum += weight * coarse.refl[at]!;
    weights += weight;
  };
  add(row.before, column.before, (1 - row.share) * (1 - column.share));
  add(row.before, column.after, (1 - row.share) * column.share);
  add(row.after, column.before, row.share * (1 - column.share));
  add(row.after, column.after, row.share * column.share);
  return sum / weights;
}
