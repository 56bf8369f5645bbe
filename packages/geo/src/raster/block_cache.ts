import { isGlofError, throwIfAborted } from "@glof/core";
import type { RasterArray } from "../types.js";

/** Decoded blocks by number, least recently used out first, bounded by bytes. */
export interface BlockCache {
  /** The block, made by `decode` if it is not here. Failures are not kept. */
  get(block: number, decode: () => Promise<RasterArray>): Promise<RasterArray>;
  clear(): void;
}

/** Starts an empty cache that keeps up to `maxBytes`; one block is kept however large. */
export function createBlockCache(maxBytes: number): BlockCache {
  const blocks = new Map<number, { pixels: Promise<RasterArray>; bytes: number }>();
  let held = 0;
  const trim = (): void => {
    for (const [block, { bytes }] of blocks) {
      if (held <= maxBytes || blocks.size <= 1) return;
      blocks.delete(block);
      held -= bytes;
    }
  };
  return {
    get(block, decode) {
      const found = blocks.get(block);
      if (found !== undefined) {
        blocks.delete(block);
        blocks.set(block, found);
        return found.pixels;
      }
      const entry = { pixels: decode(), bytes: 0 };
      blocks.set(block, entry);
      entry.pixels.then(
        (pixels) => {
          if (blocks.get(block) !== entry) return;
          entry.bytes = pixels.byteLength;
          held += entry.bytes;
          trim();
        },
        () => {
          if (blocks.get(block) === entry) blocks.delete(block);
        },
      );
      return entry.pixels;
    },
    clear() {
      blocks.clear();
      held = 0;
    },
  };
}

/**
 * A block for one of several readers. The cache may have it in work for another, who may give up: then this one takes the
 * work over instead of failing with it.
 *
 * @throws GlofError `aborted` for this reader's own signal; what `decode` throws
 */
export async function sharedBlock(
  cache: BlockCache,
  block: number,
  decode: () => Promise<RasterArray>,
  signal: AbortSignal | undefined,
): Promise<RasterArray> {
  for (;;) {
    let isOwn = false;
    try {
      return await cache.get(block, () => {
        isOwn = true;
        return decode();
      });
    } catch (error) {
      if (isOwn || !isGlofError(error, "aborted")) throw error;
      throwIfAborted(signal, "readWindow");
    }
  }
}
