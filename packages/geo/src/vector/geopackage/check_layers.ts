import { GlofError } from "@glof/core";
import { type ColumnType, inferColumns } from "./columns.js";
import type { StreamedLayer, VectorLayer } from "./vector_layer.js";

/** A layer with its columns found. */
export interface ResolvedLayer extends Omit<StreamedLayer, "columns"> {
  readonly columns: ReadonlyMap<string, ColumnType>;
}

/**
 * Finds the columns and checks the names.
 *
 * @throws GlofError `bad-argument` for bad or repeated names
 */
export function resolveLayers(layers: readonly (VectorLayer | StreamedLayer)[]): ResolvedLayer[] {
  const seen = new Set<string>();
  return layers.map((layer) => {
    const name = layer.layer;
    if (name === "" || seen.has(name.toLowerCase()) || /^((gpkg|sqlite|rtree)_|layer_styles$)/i.test(name)) {
      throw new GlofError(
        "bad-argument",
        `writeGeoPackage: expected layer names of their own, not beginning with gpkg_ or sqlite_, got "${name}". Rename it.`,
      );
    }
    seen.add(name.toLowerCase());
    const columns = columnsOf(layer);
    checkColumns(name, [...columns.keys()]);
    return { ...layer, columns };
  });
}

function columnsOf({ layer, columns, features }: VectorLayer | StreamedLayer): Map<string, ColumnType> {
  if (columns !== undefined) return new Map(Object.entries(columns));
  if (Array.isArray(features)) return inferColumns(features);
  throw new GlofError(
    "bad-argument",
    `writeGeoPackage: expected the columns of the streamed layer ${layer}, got none. State them in columns.`,
  );
}

function checkColumns(layer: string, names: readonly string[]): void {
  const lower = names.map((name) => name.toLowerCase());
  const bad = lower.find(
    (name, index) => ["", "fid", "geom"].includes(name) || lower.indexOf(name) !== index,
  );
  if (bad === undefined) return;
  throw new GlofError(
    "bad-argument",
    `writeGeoPackage: expected column names of their own, other than fid and geom, got "${bad}" in ${layer}. Rename it.`,
  );
}
