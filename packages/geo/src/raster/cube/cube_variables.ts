import { GlofError } from "@glof/core";
import type { RasterDtype } from "../../types.js";
import { findMapAxes, type MapAxes } from "./cf_axes.js";
import { isGridMapping } from "./cf_crs.js";
import type { CubeAttribute, CubeStore, CubeVariable } from "./cube_store.js";

/** A variable of a NetCDF or Zarr file, as `listVariables` tells it. */
export interface VariableInfo {
  /** What to give as `openRaster(…, { variable })`. */
  readonly name: string;
  readonly dimensions: readonly { readonly name: string; readonly size: number }[];
  /** `undefined` for texts and structures. */
  readonly dtype: RasterDtype | undefined;
  /** Whether it has two map axes, so that `openRaster` reads it. */
  readonly isRaster: boolean;
  readonly attributes: Readonly<Record<string, CubeAttribute>>;
}

/** What each variable of a store is. */
export function describeVariables(store: CubeStore): VariableInfo[] {
  return store.variables.map((variable) => ({
    name: variable.name,
    dimensions: variable.dimensions.map((name, index) => ({ name, size: variable.shape[index]! })),
    dtype: variable.dtype,
    isRaster: rasterAxes(store, variable) !== undefined,
    attributes: variable.attributes,
  }));
}

/**
 * The variable to open: the wanted one, or the only one that is a raster and no bounds or ancillary description of others.
 *
 * @throws GlofError `bad-argument` with the names there are
 */
export function pickVariable(
  store: CubeStore,
  wanted: string | undefined,
): { readonly variable: CubeVariable; readonly axes: MapAxes } {
  const found = store.variables.flatMap((variable) => {
    const axes = rasterAxes(store, variable);
    return axes === undefined ? [] : [{ variable, axes }];
  });
  const named =
    wanted === undefined
      ? found
      : found.filter(({ variable }) => variable.name === wanted.replace(/^\//, ""));
  if (named.length === 1) return named[0]!;
  const names = found.map(({ variable }) => variable.name).join(", ") || "none";
  const got = wanted === undefined ? `${found.length} rasters` : `"${wanted}"`;
  throw new GlofError(
    "bad-argument",
    `openRaster: expected one variable of ${store.name} that is a raster (it has ${names}), got ${got}. Give its name as \`variable\`.`,
    { variables: found.map(({ variable }) => variable.name) },
  );
}

function rasterAxes(store: CubeStore, variable: CubeVariable): MapAxes | undefined {
  if (variable.dtype === undefined || isGridMapping(variable) || variable.shape.includes(0)) return undefined;
  return findMapAxes(store, variable);
}
