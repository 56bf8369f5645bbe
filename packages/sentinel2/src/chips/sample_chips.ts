import { GlofError, type OnProgress, throwIfAborted } from "@glof/core";
import { type PixelWindow, type RasterGrid, type RasterSource, windowGrid } from "@glof/geo";
import { type PatchEdge, patchGrid } from "../sampling/patch_grid.js";
import type { BandName, Scene } from "../types.js";
import { type ChipLabels, type LabelReader, labelReader } from "./chip_labels.js";

/** A labelled piece of a scene. It is also a `Chip` of `@glof/train`. */
export interface SceneChip {
  /** Scene, first column and first row: `T45RVL_20240101_512_1024`. */
  readonly id: string;
  readonly bands: readonly string[];
  readonly width: number;
  readonly height: number;
  /** [height, width, bands]; NaN where a pixel is not valid. */
  readonly refl: Float32Array;
  /** 1, 0, or 255 where a pixel is not valid or its label does not count. */
  readonly mask: Uint8Array;
  readonly group?: string;
  readonly weight?: number;
  /** Where it lies in the scene; may reach beyond it. */
  readonly window: PixelWindow;
  readonly grid: RasterGrid;
  /** Share of the pixels with reflectance and a label, and share of those labelled 1. */
  readonly validFraction: number;
  readonly positiveFraction: number;
}

/** Options of `sampleChips`. */
export interface SampleChipsOptions {
  /** Side of the chips, of a regular grid over the scene. Or give `windows`. */
  readonly sizePx?: number;
  /** Default `sizePx`. */
  readonly stepPx?: number;
  /** Default `"shift"`; see `patchGrid`. */
  readonly edge?: PatchEdge;
  /** Where the chips lie instead, such as from `samplePatches` or `patchesOverMask`; they may reach beyond the scene. */
  readonly windows?: readonly PixelWindow[];
  /** Default: all of the scene. */
  readonly bands?: readonly BandName[];
  /** More bands, from rasters on the scene's grid such as `terrainRaster` of a warped DEM; their bands must have names. */
  readonly layers?: readonly RasterSource[];
  /** Chips with a smaller share of valid, labelled pixels are left out. Default 0.5. */
  readonly minValid?: number;
  /** Chips with a smaller share of pixels labelled 1 are left out. Default 0. */
  readonly minPositive?: number;
  readonly group?: string;
  readonly weight?: number;
  readonly signal?: AbortSignal;
  /** Stage `"chips"`, one report per place looked at. */
  readonly onProgress?: OnProgress;
}

/**
 * Labelled chips of a scene, one after the other as they are asked for; memory holds one.
 *
 * @throws GlofError `bad-argument`, `grid-mismatch` for labels or layers on another grid, `missing-band`, `aborted`, and what
 *   reading throws
 */
export async function* sampleChips(
  scene: Scene,
  labels: ChipLabels,
  options: SampleChipsOptions,
): AsyncGenerator<SceneChip> {
  const where = `sampleChips(${scene.id})`;
  const { minValid = 0.5, minPositive = 0, layers = [], signal, onProgress } = options;
  const windows = chipWindows(scene.grid, options, where);
  const readLabels = labelReader(labels, scene.grid, where);
  checkLayers(layers, scene.grid, where);
  for (const [index, window] of windows.entries()) {
    throwIfAborted(signal, where);
    const chip = await readChip(scene, readLabels, window, options);
    onProgress?.({ stage: "chips", done: index + 1, total: windows.length, unit: "places" });
    if (chip && chip.validFraction >= minValid && chip.positiveFraction >= minPositive) yield chip;
  }
}

/** The places of chips. @throws GlofError `bad-argument` */
export function chipWindows(
  { width, height }: RasterGrid,
  { windows, sizePx, stepPx, edge }: SampleChipsOptions,
  where: string,
): readonly PixelWindow[] {
  if (windows !== undefined) {
    const bad = windows.find(
      (window) =>
        !Object.values(window).every(Number.isSafeInteger) || !(window.width > 0 && window.height > 0),
    );
    if (bad === undefined) return windows;
    throw new GlofError(
      "bad-argument",
      `${where}: expected windows of whole pixels, got ${JSON.stringify(bad)}. Round them.`,
    );
  }
  if (sizePx === undefined) {
    throw new GlofError(
      "bad-argument",
      `${where}: expected sizePx or windows, got neither. Give one of them.`,
    );
  }
  return patchGrid({ width, height, sizePx, ...(stepPx && { stepPx }), ...(edge && { edge }) });
}

/** Id of the chip of a window. */
export const chipId = (scene: Pick<Scene, "id">, { x, y }: PixelWindow): string => `${scene.id}_${x}_${y}`;

async function readChip(
  scene: Scene,
  readLabels: LabelReader,
  window: PixelWindow,
  options: SampleChipsOptions,
): Promise<SceneChip | undefined> {
  const { bands = scene.bands, layers = [], signal, group, weight } = options;
  const inside = clip(window, scene.grid);
  if (inside === undefined) return undefined;
  const abort = signal ? { signal } : {};
  const [{ bandsRefl, validMask }, labels, ...extra] = await Promise.all([
    scene.readReflectance(inside, bands, abort),
    readLabels(inside, signal),
    ...layers.map((layer) => layer.readWindow(inside, abort)),
  ]);
  const names = [...bands, ...layers.flatMap((layer) => layer.bands.map(({ name }) => name!))];
  const { width, height } = window;
  const refl = new Float32Array(width * height * names.length).fill(Number.NaN);
  const mask = new Uint8Array(width * height).fill(255);
  const physical = extra.flatMap((arrays, layer) =>
    arrays.map((values, band) => ({ values, facts: layers[layer]!.bands[band]! })),
  );
  let [counted, positive] = [0, 0];
  for (let pixel = 0; pixel < validMask.length; pixel++) {
    if (validMask[pixel] !== 1) continue;
    const row = inside.y - window.y + Math.floor(pixel / inside.width);
    const to = row * width + (inside.x - window.x) + (pixel % inside.width);
    let complete = true;
    for (let band = 0; band < bandsRefl.length; band++)
      refl[to * names.length + band] = bandsRefl[band]![pixel]!;
    for (let band = 0; band < physical.length; band++) {
      const { values, facts } = physical[band]!;
      const value = values[pixel] === facts.nodata ? Number.NaN : values[pixel]! * facts.scale + facts.offset;
      refl[to * names.length + bandsRefl.length + band] = value;
      complete &&= Number.isFinite(value);
    }
    if (!complete || labels[pixel] === 255) continue;
    mask[to] = labels[pixel]!;
    counted++;
    positive += labels[pixel]!;
  }
  return {
    id: chipId(scene, window),
    bands: names,
    width,
    height,
    refl,
    mask,
    ...(group !== undefined && { group }),
    ...(weight !== undefined && { weight }),
    window,
    grid: windowGrid(scene.grid, window),
    validFraction: counted / (width * height),
    positiveFraction: positive / (width * height),
  };
}

function clip({ x, y, width, height }: PixelWindow, grid: RasterGrid): PixelWindow | undefined {
  const [left, top] = [Math.max(0, x), Math.max(0, y)];
  const right = Math.min(grid.width, x + width);
  const bottom = Math.min(grid.height, y + height);
  return right > left && bottom > top
    ? { x: left, y: top, width: right - left, height: bottom - top }
    : undefined;
}

function checkLayers(layers: readonly RasterSource[], { width, height }: RasterGrid, where: string): void {
  for (const { name, grid, bands } of layers) {
    if (grid.width !== width || grid.height !== height) {
      throw new GlofError(
        "grid-mismatch",
        `${where}: expected layers on the scene's grid of ${width} x ${height}, got ${grid.width} x ${grid.height} of ` +
          `${name}. Use warpedRaster.`,
      );
    }
    if (bands.some((band) => band.name === undefined)) {
      throw new GlofError(
        "missing-band",
        `${where}: expected names for all bands of ${name}, got none. Name them.`,
      );
    }
  }
}
