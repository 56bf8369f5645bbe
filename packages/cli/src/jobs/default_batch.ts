import type { BackendChoice } from "@glof/runtime";

/** Pixels of a batch that give every unit of a large GPU something to do: products of one tile of 518 pixels fill two thirds of them. */
const GPU_BATCH_PIXELS = 4 * 518 ** 2;

/** More tiles than this are not faster. */
const MOST_TILES = 16;

/** The largest intermediate result of the widest decoder, bytes per pixel of a batch: 256 features at full size. */
const BYTES_PER_PIXEL = 4 * 256;

/**
 * Tiles per forward pass where the user names none: on a GPU as many as make a million pixels, if its buffers can be so large;
 * one on processors, where each tile has work for all of them.
 */
export function defaultBatch({ name, details }: BackendChoice, tilePx: number): number {
  if (name !== "webgpu") return 1;
  const { maxStorageBufferBindingSize: largest = 0 } = (details.limits ?? {}) as Record<string, number>;
  const pixels = Math.min(GPU_BATCH_PIXELS, largest / BYTES_PER_PIXEL);
  return Math.max(1, Math.min(MOST_TILES, Math.floor(pixels / tilePx ** 2)));
}
