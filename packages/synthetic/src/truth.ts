import type { FieldGrid } from "./grid.js";
import type { WaterBody } from "./lake_shape.js";
import type { Landscape } from "./landscape.js";
import type { LakeTruth, SceneTruth } from "./types.js";

/** Opacity from which a cloud hides the ground. */
const HIDDEN = 0.4;

/** Window of the padded grid that is the scene. */
export interface Crop {
  readonly pad: number;
  readonly width: number;
  readonly height: number;
}

/** The middle of a padded field. */
export function cropField<T extends Float32Array | Uint8Array | Int32Array>(
  field: T,
  grid: FieldGrid,
  crop: Crop,
  empty: (length: number) => T,
): T {
  const cropped = empty(crop.width * crop.height);
  for (let row = 0; row < crop.height; row++) {
    const start = (row + crop.pad) * grid.cols + crop.pad;
    cropped.set(field.subarray(start, start + crop.width) as never, row * crop.width);
  }
  return cropped;
}

/** Light that reached the ground and what hung over it. */
export interface Sky {
  readonly opacity: Float32Array;
  readonly sunlit: Float32Array;
}

/** Reads the exact truth off a landscape. */
export function makeTruth(
  landscape: Landscape,
  sky: Sky,
  grid: FieldGrid,
  crop: Crop,
  validMask: Uint8Array,
): SceneTruth {
  const floats = (field: Float32Array): Float32Array =>
    cropField(field, grid, crop, (n) => new Float32Array(n));
  const share = floats(landscape.water.share);
  const river = floats(landscape.river);
  const ice = floats(landscape.lakeIce.ice);
  const snow = floats(landscape.lakeIce.snow);
  const opacity = floats(sky.opacity);
  const sunlit = floats(sky.sunlit);
  const owner = cropField(landscape.water.owner, grid, crop, (n) => new Int32Array(n));
  const lakeMask = toBytes(share, (part) => (part >= 0.5 ? 1 : 0));
  for (let cell = 0; cell < lakeMask.length; cell++) if (validMask[cell] === 0) lakeMask[cell] = 255;
  const hidden = (cell: number): boolean =>
    opacity[cell]! >= HIDDEN || (lakeMask[cell] === 1 && snow[cell]! > 0.5);
  const { lakeIds, lakes } = listLakes(lakeMask, owner, landscape.bodies, { ice, opacity }, crop, grid.cellM);
  return {
    lakeMask,
    visibleMask: lakeMask.map((value, cell) => (hidden(cell) ? 255 : value)),
    waterMask: lakeMask.map((value, cell) => (value === 0 && river[cell]! >= 0.5 ? 1 : value)),
    lakeIds,
    classMap: cropField(landscape.canvas.classMap, grid, crop, (n) => new Uint8Array(n)),
    cloudOpacity: toBytes(opacity, (value) => Math.round(255 * value)),
    shadowMask: toBytes(sunlit, (value) => (value < 0.5 ? 1 : 0)),
    lakes,
  };
}

/** `Uint8Array.from` with a function goes through an iterator and takes ten times as long. */
function toBytes(field: Float32Array, byteOf: (value: number) => number): Uint8Array {
  const bytes = new Uint8Array(field.length);
  for (let cell = 0; cell < bytes.length; cell++) bytes[cell] = byteOf(field[cell]!);
  return bytes;
}

/** Groups lake pixels that share a side, in raster order. */
function listLakes(
  lakeMask: Uint8Array,
  owner: Int32Array,
  bodies: readonly WaterBody[],
  cover: { ice: Float32Array; opacity: Float32Array },
  crop: Crop,
  cellM: number,
): { lakeIds: Int32Array; lakes: LakeTruth[] } {
  const { width, height } = crop;
  const lakeIds = new Int32Array(lakeMask.length);
  const lakes: LakeTruth[] = [];
  const stack = new Int32Array(lakeMask.length);
  for (let first = 0; first < lakeMask.length; first++) {
    if (lakeMask[first] !== 1 || lakeIds[first] !== 0) continue;
    const id = lakes.length + 1;
    let [size, pixelCount, frozen, clouded, touchesEdge] = [0, 0, 0, 0, false];
    const add = (cell: number): void => {
      if (lakeMask[cell] !== 1 || lakeIds[cell] !== 0) return;
      lakeIds[cell] = id;
      stack[size++] = cell;
    };
    add(first);
    while (size > 0) {
      const cell = stack[--size]!;
      const col = cell % width;
      const row = (cell - col) / width;
      pixelCount++;
      if (cover.ice[cell]! >= 0.5) frozen++;
      if (cover.opacity[cell]! >= HIDDEN) clouded++;
      if (col === 0 || row === 0 || col === width - 1 || row === height - 1) touchesEdge = true;
      if (col > 0) add(cell - 1);
      if (col < width - 1) add(cell + 1);
      if (row > 0) add(cell - width);
      if (row < height - 1) add(cell + width);
    }
    lakes.push({
      id,
      kind: bodies[owner[first]! - 1]?.kind ?? "pond",
      bodyId: owner[first]!,
      pixelCount,
      areaM2: pixelCount * cellM * cellM,
      frozenFraction: frozen / pixelCount,
      cloudFraction: clouded / pixelCount,
      touchesEdge,
    });
  }
  return { lakeIds, lakes };
}
