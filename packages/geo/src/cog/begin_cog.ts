import { GlofError } from "@glof/core";
import type { AtomicFile } from "@glof/core/node";
import { loadCoreNode, loadFs } from "../node_only.js";
import { isArrayOfDtype } from "../raster/array_types.js";
import type { RasterArray } from "../types.js";
import { type BandStatistics, createBandStatistics } from "./band_statistics.js";
import { cogFields } from "./cog_fields.js";
import {
  type CogOptions,
  type CogWriter,
  type ResolvedCogOptions,
  resolveCogOptions,
} from "./cog_options.js";
import { createPyramidLevel, levelSizes, type PyramidLevel } from "./pyramid_level.js";
import { directoryBytes, formatDirectory, formatHeader, headerBytes } from "./tiff_directory.js";
import { createTileEncoder } from "./tile_encoder.js";
import { createTileStore, writeAll } from "./tile_store.js";

/**
 * Starts a Cloud Optimized GeoTIFF (OGC 21-026) written row by row from the top: tiles with DEFLATE and a predictor,
 * overviews down to one tile, index before pixels, BigTIFF when it would pass 4 GiB. Memory holds one row of tiles per
 * level; finished tiles wait in temporary files beside `path`. Node only.
 *
 * @throws GlofError `bad-argument`, `unsupported-feature` (CRS without EPSG code), `not-writable`, `not-found`, `io`; later
 *   from the writer also `no-space`
 */
export async function beginCog(path: string, options: CogOptions): Promise<CogWriter> {
  const resolved = resolveCogOptions(options);
  const { beginAtomicFile } = await loadCoreNode();
  const encoder = await createTileEncoder(resolved);
  const file = await beginAtomicFile(path);
  const levels: PyramidLevel[] = [];
  try {
    const sizes = levelSizes(resolved.grid.width, resolved.grid.height, resolved.blockSize);
    for (const [index, size] of [...sizes.entries()].reverse()) {
      const store = await createTileStore(path, index);
      levels.unshift(createPyramidLevel(size, store, levels[0], encoder, resolved));
    }
  } catch (error) {
    await discardAll(levels, file);
    throw error;
  }
  return createWriter(path, resolved, file, levels);
}

function createWriter(
  path: string,
  options: ResolvedCogOptions,
  file: AtomicFile,
  levels: readonly PyramidLevel[],
): CogWriter {
  const { height } = options.grid;
  const statistics = options.statistics
    ? options.bandNames.map(() => createBandStatistics(options.nodata))
    : [];
  let written = 0;
  let state: "open" | "busy" | "done" = "open";
  return {
    async writeRows(rows, rowCount) {
      if (state !== "open") throw misuse(path, "an open writer that is not busy", `a ${state} one`);
      checkRows(path, rows, rowCount, height - written, options);
      state = "busy";
      rows.forEach((row, band) => {
        statistics[band]?.add(row, row.length);
      });
      await levels[0]!.addRows(rows, rowCount);
      written += rowCount;
      state = "open";
    },
    async close() {
      if (state !== "open") throw misuse(path, "an open writer that is not busy", `a ${state} one`);
      if (written !== height) throw misuse(path, `${height} rows before close`, `${written}`);
      state = "busy";
      const { asGlofError } = await loadCoreNode();
      try {
        await asGlofError(path, () => assemble(file.temporaryPath, options, levels, statistics));
        await file.commit();
      } finally {
        state = "done";
        await discardAll(levels, file);
      }
    },
    async abandon() {
      if (state === "done") return;
      state = "done";
      await discardAll(levels, file);
    },
  };
}

async function discardAll(levels: readonly PyramidLevel[], file: AtomicFile): Promise<void> {
  for (const { store } of levels) await store.discard();
  await file.abandon();
}

function checkRows(
  path: string,
  rows: readonly RasterArray[],
  rowCount: number,
  rowsLeft: number,
  { bandNames, grid, dtype }: ResolvedCogOptions,
): void {
  if (rows.length !== bandNames.length) {
    throw misuse(path, `${bandNames.length} bands`, `${rows.length}`);
  }
  if (!(Number.isInteger(rowCount) && rowCount >= 1 && rowCount <= rowsLeft)) {
    throw misuse(path, `1 to ${rowsLeft} more rows`, `${rowCount}`);
  }
  for (const row of rows) {
    if (!isArrayOfDtype(row, dtype)) throw misuse(path, `${dtype} pixels`, row.constructor.name);
    if (row.length !== rowCount * grid.width) {
      throw misuse(path, `${rowCount} x ${grid.width} pixels per band`, `${row.length}`);
    }
  }
}

const misuse = (path: string, expected: string, got: string): GlofError =>
  new GlofError("bad-argument", `CogWriter of ${path}: expected ${expected}, got ${got}. Correct the call.`);

/** What GDAL's COG driver announces of the layout, right behind the header ("ghost area"). */
function ghostArea(): Uint8Array {
  const facts = [
    "LAYOUT=IFDS_BEFORE_DATA\n",
    "BLOCK_ORDER=ROW_MAJOR\n",
    "BLOCK_LEADER=SIZE_AS_UINT4\n",
    "BLOCK_TRAILER=LAST_4_BYTES_REPEATED\n",
    // The blank leaves room for an editor to write YES.
    "KNOWN_INCOMPATIBLE_EDITION=NO\n ",
  ].join("");
  const size = String(facts.length).padStart(6, "0");
  const text = new TextEncoder().encode(`GDAL_STRUCTURAL_METADATA_SIZE=${size} bytes\n${facts}`);
  // The first directory is looked for at the next even place.
  const padded = new Uint8Array(Math.ceil(text.length / 2) * 2);
  padded.set(text);
  return padded;
}

/** Classic TIFF counts in 32 bits. */
const classicLimit = 2 ** 32 - 1;

/** Header, ghost area, directories from large to small, then tiles from the smallest level to the raster itself. */
async function assemble(
  temporaryPath: string,
  options: ResolvedCogOptions,
  levels: readonly PyramidLevel[],
  statistics: readonly BandStatistics[],
): Promise<void> {
  const ghost = ghostArea();
  const dataBytes = levels.reduce((sum, { store }) => sum + store.byteLength(), 0);
  const fieldsAt = (dataOffsets: readonly number[]) =>
    levels.map((level, index) => cogFields(options, level, index > 0, dataOffsets[index]!, statistics));
  const draft = fieldsAt(levels.map(() => 0));
  const indexBytes = (big: boolean): number =>
    draft.reduce((sum, fields) => sum + directoryBytes(fields, big), headerBytes(big) + ghost.length);
  const isBig = options.bigTiff === "always" || indexBytes(false) + dataBytes > classicLimit;

  const dataOffsets = new Array<number>(levels.length);
  let end = indexBytes(isBig);
  for (let index = levels.length - 1; index >= 0; index--) {
    dataOffsets[index] = end;
    end += levels[index]!.store.byteLength();
  }
  const parts = [formatHeader(isBig, headerBytes(isBig) + ghost.length), ghost];
  let at = headerBytes(isBig) + ghost.length;
  for (const [index, fields] of fieldsAt(dataOffsets).entries()) {
    const next = at + directoryBytes(fields, isBig);
    parts.push(formatDirectory(fields, isBig, at, index === levels.length - 1 ? 0 : next));
    at = next;
  }
  const { open } = await loadFs();
  const handle = await open(temporaryPath, "wx");
  try {
    for (const part of parts) await writeAll(handle, part, part.length);
    for (const { store } of [...levels].reverse()) await store.copyTo(handle);
  } finally {
    await handle.close();
  }
}
