import { GlofError, throwIfAborted } from "@glof/core";
import { projector, reprojectPolygons } from "../crs/projector.js";
import { loadCoreNode, loadFs } from "../node_only.js";
import type { Crs } from "../types.js";
import { parseFlatGeobuf } from "./flatgeobuf/read_flatgeobuf.js";
import { parseGeoPackage } from "./geopackage/read_geopackage.js";
import type { VectorLayer } from "./geopackage/vector_layer.js";
import type { GeoPackageOptions } from "./geopackage/write_geopackage.js";
import { parseGeoJson } from "./read_geojson.js";
import { parseShapefile } from "./shapefile/parse_shapefile.js";
import { unzip } from "./shapefile/unzip.js";

/** Options of `readVectors`. */
export interface ReadVectorsOptions extends Pick<GeoPackageOptions, "locateFile"> {
  /** Only the layer of this name. */
  readonly layer?: string;
  /** Reprojects to this CRS; by default each layer stays in its own. */
  readonly crs?: Crs;
  readonly signal?: AbortSignal;
}

/** Finds a file that belongs to the one being read, by its ending: `dbf`, `prj`, `cpg`. */
type FindCompanion = (ending: string) => Promise<Uint8Array | undefined>;

/**
 * Reads the polygons of an area of interest or of labels: GeoJSON, GeoPackage, FlatGeobuf, shapefile (`.shp` with what
 * lies beside it), or any of them zipped. What a file is, its first bytes say, not its name. GeoJSON comes back in
 * WGS 84, all else in its own CRS. Node only; `parseVectors` runs anywhere.
 *
 * @throws GlofError `not-found`; `unsupported-format`; `corrupt-file`; `unsupported-feature` for points and lines;
 *   `missing-crs` when `crs` is asked of a layer that has none; `bad-argument` for a layer that is not there; `aborted`
 */
export async function readVectors(path: string, options: ReadVectorsOptions = {}): Promise<VectorLayer[]> {
  const [{ readFile }, { asGlofError }] = await Promise.all([loadFs(), loadCoreNode()]);
  throwIfAborted(options.signal, "readVectors");
  const bytes = await asGlofError(path, () => readFile(path, { signal: options.signal }));
  const stem = path.replace(/\.[^./\\]*$/, "");
  return finish(
    await readLayers(bytes, path, options, async (ending) => {
      for (const name of [`${stem}.${ending}`, `${stem}.${ending.toUpperCase()}`]) {
        const content = await readFile(name).catch(() => undefined);
        if (content !== undefined) return content;
      }
      return undefined;
    }),
    path,
    options,
  );
}

/**
 * The layers of a vector file's bytes; see `readVectors`. A bare `.shp` has no attributes and no CRS here: pass it zipped,
 * or use `parseShapefile`.
 *
 * @param name file name, for messages and the names of layers
 */
export async function parseVectors(
  bytes: Uint8Array,
  name = "vectors",
  options: ReadVectorsOptions = {},
): Promise<VectorLayer[]> {
  return finish(await readLayers(bytes, name, options, async () => undefined), name, options);
}

async function readLayers(
  bytes: Uint8Array,
  name: string,
  options: ReadVectorsOptions,
  findCompanion: FindCompanion,
): Promise<VectorLayer[]> {
  throwIfAborted(options.signal, "readVectors");
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, 64));
  if (start.startsWith("SQLite format 3")) return parseGeoPackage(bytes, name, options);
  if (start.startsWith("fgb")) return [parseFlatGeobuf(bytes, name)];
  if (start.startsWith("PK\x03\x04")) return readArchive(bytes, name, options);
  if (start.startsWith("\0\0\x27\x0a")) {
    const [dbf, prj, cpg] = await Promise.all(["dbf", "prj", "cpg"].map(findCompanion));
    return [parseShapefile({ shp: bytes, dbf, prj, cpg }, name, stemOf(name))];
  }
  if (/^(ï»¿)?\s*[{[]/.test(start)) {
    const { name: title, crs, features } = parseGeoJson(new TextDecoder().decode(bytes), name);
    return [{ layer: title ?? stemOf(name), crs, features }];
  }
  throw new GlofError(
    "unsupported-format",
    `${name}: expected GeoJSON, GeoPackage, FlatGeobuf or a shapefile, got other first bytes. Convert it to one of them.`,
    { name },
  );
}

/** The vector files of an archive, in its order; what macOS adds is left out, and archives in it are not looked into. */
async function readArchive(
  bytes: Uint8Array,
  name: string,
  options: ReadVectorsOptions,
): Promise<VectorLayer[]> {
  const isWanted = (file: string): boolean =>
    !/(^|\/)(__MACOSX\/|\._)/.test(file) && /\.(shp|dbf|prj|cpg|gpkg|fgb|geojson|json)$/i.test(file);
  const files = await unzip(bytes, name, isWanted);
  const byLowerName = new Map([...files].map(([file, content]) => [file.toLowerCase(), content]));
  const vectors = [...files.keys()].filter((file) => /\.(shp|gpkg|fgb|geojson)$/i.test(file));
  // A .json may be anything, such as a package's own description: it counts where there is nothing else.
  const chosen = vectors.length > 0 ? vectors : [...files.keys()].filter((file) => /\.json$/i.test(file));
  const layers: VectorLayer[] = [];
  for (const file of chosen) {
    const content = files.get(file)!;
    if (content[0] === 0x50 && content[1] === 0x4b) continue;
    const stem = file.replace(/\.[^./]*$/, "").toLowerCase();
    const findCompanion: FindCompanion = async (ending) => byLowerName.get(`${stem}.${ending}`);
    layers.push(...(await readLayers(content, `${name}/${file}`, options, findCompanion)));
  }
  if (layers.length > 0) return layers;
  throw new GlofError(
    "unsupported-format",
    `${name}: expected an archive with vector files, got none of them. Give a zipped shapefile, GeoPackage or GeoJSON.`,
    { name },
  );
}

function finish(layers: readonly VectorLayer[], name: string, options: ReadVectorsOptions): VectorLayer[] {
  const { layer: wanted, crs } = options;
  const chosen = wanted === undefined ? layers : layers.filter(({ layer }) => layer === wanted);
  if (wanted !== undefined && chosen.length === 0) {
    throw new GlofError(
      "bad-argument",
      `readVectors: expected a layer of ${layers.map(({ layer }) => `"${layer}"`).join(", ")} in ${name}, got "${wanted}". Name one of them.`,
      { name, layer: wanted },
    );
  }
  return chosen.map((layer) => (crs === undefined ? layer : reproject(layer, crs, name)));
}

function reproject(layer: VectorLayer, crs: Crs, name: string): VectorLayer {
  if (layer.crs === undefined) {
    throw new GlofError(
      "missing-crs",
      `readVectors: expected ${name} to name its CRS, got none. Add its .prj file or save it with its CRS.`,
      { name },
    );
  }
  const project = projector(layer.crs, crs);
  const features = layer.features.map((feature) => ({
    ...feature,
    geometry: reprojectPolygons(feature.geometry, project),
  }));
  return { ...layer, crs, features };
}

const stemOf = (name: string): string => name.replace(/^.*[/\\]/, "").replace(/\.[^.]*$/, "");
