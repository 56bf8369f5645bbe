import { GlofError, throwIfAborted } from "@glof/core";
import type { SqlDatabase } from "sql.js";
import { loadCoreNode, loadFs } from "../../node_only.js";
import { type ResolvedLayer, resolveLayers } from "./check_layers.js";
import { completeFrame, createFrame, rootPages } from "./frame.js";
import { createPageFile, type PageFile, type PageSink, pageBytes } from "./sqlite/page_file.js";
import type { StreamedLayer, VectorLayer } from "./vector_layer.js";
import { writeLayerRows } from "./write_layer.js";

/** Options of `writeGeoPackage`. */
export interface GeoPackageOptions {
  /** Stored as the time of change of each layer; now by default. Set it for files that shall be equal byte by byte. */
  readonly lastChange?: Date;
  /** In a browser, where sql.js finds its `sql-wasm-browser.wasm`. */
  readonly locateFile?: (file: string) => string;
  readonly signal?: AbortSignal;
}

/**
 * Writes a GeoPackage 1.3 (OGC 12-128r18) with one table of multi-polygons per layer, each with an R-tree index, whole or
 * not at all. Pages go to the disk as they are filled: memory holds 28 bytes per outline for the index, and what
 * `features` itself holds. Node only; `formatGeoPackage` runs anywhere.
 *
 * @throws GlofError `bad-argument` for bad or repeated names; `unsupported-feature` for a CRS without EPSG code;
 *   `not-writable`, `no-space`, `io`, `aborted`
 */
export async function writeGeoPackage(
  path: string,
  layers: readonly (VectorLayer | StreamedLayer)[],
  options: GeoPackageOptions = {},
): Promise<void> {
  const [{ beginAtomicFile, asGlofError }, { open }] = await Promise.all([loadCoreNode(), loadFs()]);
  const file = await beginAtomicFile(path);
  try {
    const handle = await asGlofError(path, () => open(file.temporaryPath, "wx"));
    const sink: PageSink = (bytes, position) =>
      asGlofError(path, async () => {
        for (let done = 0; done < bytes.length; ) {
          done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
        }
      });
    try {
      await build(layers, options, sink);
    } finally {
      await handle.close();
    }
    await file.commit();
  } catch (error) {
    await file.abandon();
    throw error;
  }
}

/** The bytes of a GeoPackage; see `writeGeoPackage`. */
export async function formatGeoPackage(
  layers: readonly (VectorLayer | StreamedLayer)[],
  options: GeoPackageOptions = {},
): Promise<Uint8Array> {
  const parts: { readonly bytes: Uint8Array; readonly position: number }[] = [];
  const pageCount = await build(layers, options, async (bytes, position) => {
    parts.push({ bytes: bytes.slice(), position });
  });
  const whole = new Uint8Array(pageCount * pageBytes);
  for (const { bytes, position } of parts) whole.set(bytes, position);
  return whole;
}

/**
 * SQLite makes the frame: schema, contents, styles. The rows of layers and indices, which are nearly all of a large file,
 * are put behind it page by page, and the frame comes last, since it holds their roots. Gives the number of pages.
 */
async function build(
  layers: readonly (VectorLayer | StreamedLayer)[],
  options: GeoPackageOptions,
  sink: PageSink,
): Promise<number> {
  throwIfAborted(options.signal, "writeGeoPackage");
  const resolved = resolveLayers(layers);
  const { default: initSqlJs } = await import("sql.js");
  const sql = await initSqlJs(options.locateFile === undefined ? {} : { locateFile: options.locateFile });
  const database = new sql.Database();
  try {
    createFrame(database, resolved, (options.lastChange ?? new Date()).toISOString());
    const framePages = Number(database.exec("PRAGMA page_count")[0]?.values[0]?.[0]);
    const pages = createPageFile(framePages, async (bytes, position) => {
      throwIfAborted(options.signal, "writeGeoPackage");
      await sink(bytes, position);
    });
    const roots = await writeRows(database, pages, resolved);
    await pages.drain();
    await sink(assembleFrame(database, framePages, roots, pages.pageCount()), 0);
    return pages.pageCount();
  } finally {
    database.close();
  }
}

/** Writes all rows; gives the root page of each table by its name. */
async function writeRows(
  database: SqlDatabase,
  pages: PageFile,
  layers: readonly ResolvedLayer[],
): Promise<Map<string, Uint8Array>> {
  const roots = new Map<string, Uint8Array>();
  for (const layer of layers) {
    const written = await writeLayerRows(pages, layer);
    for (const [table, page] of written.roots) roots.set(table, page);
    completeFrame(database, layer.layer, written);
  }
  return roots;
}

function assembleFrame(
  database: SqlDatabase,
  framePages: number,
  roots: ReadonlyMap<string, Uint8Array>,
  pageCount: number,
): Uint8Array {
  const places = rootPages(database);
  const frame = database.export();
  if (frame.length !== framePages * pageBytes) {
    throw new GlofError(
      "internal",
      `writeGeoPackage: expected a frame of ${framePages} pages, got ${frame.length} bytes. Report this with the layers' names and columns.`,
    );
  }
  for (const [table, page] of roots) frame.set(page, (places.get(table)! - 1) * pageBytes);
  // Size of the database in its header (sqlite.org/fileformat2.html, 1.3.7).
  new DataView(frame.buffer, frame.byteOffset).setUint32(28, pageCount);
  return frame;
}
