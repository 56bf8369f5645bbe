import type { FileHandle } from "node:fs/promises";
import { loadCoreNode, loadFs } from "../node_only.js";

/**
 * Compressed tiles of one pyramid level, in reading order, in a temporary file: their final place is known only when all
 * levels are done. Each tile is written as it will stand in the COG: its size, its bytes, its last four bytes again
 * (GDAL's block leader and trailer).
 */
export interface TileStore {
  /** Where each tile's own bytes begin, counted from the start of the store. */
  readonly offsets: readonly number[];
  readonly byteCounts: readonly number[];
  /** Bytes in all. */
  byteLength(): number;
  append(tile: Uint8Array): Promise<void>;
  /** Writes the whole store to `target` at its current position. */
  copyTo(target: FileHandle): Promise<void>;
  /** Closes and removes the temporary file. */
  discard(): Promise<void>;
}

const copyBytes = 4 * 2 ** 20;

/** Starts the store of one level of the raster at `path`, in a temporary file beside it. */
export async function createTileStore(path: string, level: number): Promise<TileStore> {
  const [{ open }, { asGlofError, beginAtomicFile }] = await Promise.all([loadFs(), loadCoreNode()]);
  const file = await beginAtomicFile(`${path}.level${level}`);
  const handle = await asGlofError(path, () => open(file.temporaryPath, "wx+")).catch(
    async (error: unknown) => {
      await file.abandon();
      throw error;
    },
  );
  const offsets: number[] = [];
  const byteCounts: number[] = [];
  let end = 0;
  return {
    offsets,
    byteCounts,
    byteLength: () => end,
    async append(tile) {
      const framed = new Uint8Array(tile.length + 8);
      new DataView(framed.buffer).setUint32(0, tile.length, true);
      framed.set(tile, 4);
      framed.set(tile.subarray(tile.length - 4), tile.length + 4);
      await asGlofError(path, () => writeAll(handle, framed, framed.length));
      offsets.push(end + 4);
      byteCounts.push(tile.length);
      end += framed.length;
    },
    async copyTo(target) {
      const piece = new Uint8Array(Math.min(copyBytes, end));
      for (let done = 0; done < end; ) {
        const { bytesRead } = await handle.read(piece, 0, piece.length, done);
        await writeAll(target, piece, bytesRead);
        done += bytesRead;
      }
    },
    async discard() {
      await handle.close();
      await file.abandon();
    },
  };
}

/** Writes at the handle's own position until all bytes are out: a full disk may take a part without an error. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array, length: number): Promise<void> {
  for (let done = 0; done < length; ) {
    const { bytesWritten } = await handle.write(bytes, done, length - done, null);
    done += bytesWritten;
  }
}
