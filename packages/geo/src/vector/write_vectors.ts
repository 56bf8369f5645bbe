import { GlofError } from "@glof/core";
import { writeFlatGeobuf } from "./flatgeobuf/write_flatgeobuf.js";
import type { StreamedLayer, VectorLayer } from "./geopackage/vector_layer.js";
import { writeGeoPackage } from "./geopackage/write_geopackage.js";
import { writeCsv } from "./write_csv.js";
import { writeGeoJson } from "./write_geojson.js";

/** Formats that `writeVectors` knows, by the endings of file names. */
export type VectorFormat = "geopackage" | "geojson" | "flatgeobuf" | "csv";

const endings: Readonly<Record<string, VectorFormat>> = {
  gpkg: "geopackage",
  geojson: "geojson",
  json: "geojson",
  fgb: "flatgeobuf",
  csv: "csv",
};

/**
 * The format that a file name asks for: `.gpkg`, `.geojson` or `.json`, `.fgb`, `.csv`, in any case.
 *
 * @throws GlofError `bad-argument` for other endings
 */
export function vectorFormatOf(path: string): VectorFormat {
  const format = endings[/\.([^./\\]+)$/.exec(path)?.[1]?.toLowerCase() ?? ""];
  if (format !== undefined) return format;
  throw new GlofError(
    "bad-argument",
    `writeVectors: expected a file name that ends in .gpkg, .geojson, .fgb or .csv, got ${path}. Rename it.`,
    { path },
  );
}

/**
 * Writes one layer in the format of the file name's ending, whole or not at all: GeoPackage, GeoJSON (turned into WGS 84),
 * FlatGeobuf, or a CSV whose column `wkt` has the outlines in the layer's CRS. Of a streamed layer a GeoPackage holds no
 * more than a feature at a time in memory, GeoJSON the text, the others all. Node only.
 *
 * @throws GlofError `bad-argument` for another ending; `missing-crs` for GeoJSON and CSV of a layer without CRS;
 *   `unsupported-feature`, `not-writable`, `no-space`, `io`
 */
export async function writeVectors(path: string, layer: VectorLayer | StreamedLayer): Promise<void> {
  const format = vectorFormatOf(path);
  if (format === "geopackage") return writeGeoPackage(path, [layer]);
  if (format === "flatgeobuf") return writeFlatGeobuf(path, { ...layer, features: [...layer.features] });
  const { crs, features } = layer;
  if (crs === undefined) {
    throw new GlofError(
      "missing-crs",
      `writeVectors: expected a CRS for ${path}, which holds longitudes and latitudes, got none. State it, or write .gpkg.`,
      { path },
    );
  }
  if (format === "csv") return writeCsv(path, [...features], { crs, wkt: true });
  return writeGeoJson(path, features, { name: layer.layer, crs });
}
