import { inNode, loadOs } from "../../node_only.js";
import type { RasterArray } from "../../types.js";
import { type DecodeJob, pixelsOf } from "./decode_job.js";
import { DecodeThreads } from "./decode_threads.js";
import { decodeHere } from "./decoder.js";

/** What decodes the tiles of a window. */
export interface TileDecoders {
  /** Tiles to have in work at one time. */
  readonly atOnce: number;
  /** @throws GlofError as `pixelsOf`; the job's stream may be gone afterwards */
  decode(job: DecodeJob): Promise<RasterArray>;
}

/** More threads than this wait for the file more than they decode. */
const mostThreads = 8;

/** A window of fewer tiles is decoded in this thread before others have started. */
const tilesForThreads = 4;

/** In this thread: while one tile decodes, the next is read. */
const atOnceHere = 2;

let threads: Promise<DecodeThreads | undefined> | undefined;

/**
 * Decoders for a window of so many tiles. A tile of 1024 x 1024 takes 0.2 s and a Sentinel-2 scene has hundreds, which would hold up
 * whatever else the reader's thread does; so large windows are decoded in threads of their own where there are threads: in Node.
 *
 * @param locateFile as `OpenRasterOptions.locateFile`; with it tiles are decoded in this thread
 */
export async function tileDecoders(
  tileCount: number,
  locateFile?: (file: string) => string,
): Promise<TileDecoders> {
  const here = (job: DecodeJob): Promise<RasterArray> => decodeHere(job, locateFile);
  threads ??= threadsOfProcess();
  const pool = tileCount < tilesForThreads || locateFile !== undefined ? undefined : await threads;
  if (pool === undefined) return { atOnce: atOnceHere, decode: here };
  return {
    atOnce: pool.count,
    decode: async (job) => {
      const decoded = await pool.decode(job);
      return decoded === undefined ? here(job) : pixelsOf(decoded, job);
    },
  };
}

async function threadsOfProcess(): Promise<DecodeThreads | undefined> {
  if (!inNode()) return undefined;
  const processors = (await loadOs()).availableParallelism();
  return processors > 1 ? new DecodeThreads(Math.min(processors, mostThreads)) : undefined;
}
