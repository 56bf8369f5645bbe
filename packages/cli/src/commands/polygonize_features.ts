import {
  type ColumnType,
  type Crs,
  type Feature,
  geodesicArea,
  geodesicPerimeter,
  type LabelOutline,
  planarArea,
  projector,
  type RasterDtype,
  reprojectPolygons,
  WGS84,
} from "@glof/geo";

/** Columns of the table, in order, with their types: a raster without regions has the same table. */
export function outlineColumns(
  valueField: string | undefined,
  dtype: RasterDtype,
): Readonly<Record<string, ColumnType>> {
  const isFraction = dtype === "float32" || dtype === "float64";
  return {
    ...(valueField !== undefined && { [valueField]: isFraction ? "REAL" : "INTEGER" }),
    area_m2: "REAL",
    area_planar_m2: "REAL",
    perimeter_m: "REAL",
    pixel_count: "INTEGER",
  };
}

/** Options of `outlineFeatures`. */
export interface OutlineFeatureOptions {
  readonly valueField?: string;
  /** Regions below this geodesic area are left out. */
  readonly minArea: number;
}

/** What is written, and what there was once all of it has been walked through. */
export interface OutlineFeatures {
  /** Measured as it is asked for, and not kept. */
  readonly features: Iterable<Feature>;
  totals(): OutlineTotals;
}

/** Sums over outlines. */
export interface OutlineTotals {
  /** Outlines, small ones included. */
  readonly regions: number;
  /** Features. */
  readonly polygons: number;
  /** Geodesic; `undefined` without a CRS. */
  readonly totalAreaM2: number | undefined;
}

/** Measures outlines: areas on the WGS 84 ellipsoid, and in the plane of a projected CRS. */
export function outlineFeatures(
  outlines: Iterable<LabelOutline>,
  crs: Crs | undefined,
  { valueField, minArea }: OutlineFeatureOptions,
): OutlineFeatures {
  const toLonLat = crs && projector(crs, WGS84);
  let [regions, polygons, totalAreaM2] = [0, 0, 0];
  function* walk(): Generator<Feature> {
    for (const { value, parts, pixelCount } of outlines) {
      regions++;
      const lonLat = toLonLat && reprojectPolygons(parts, toLonLat);
      const areaM2 = lonLat && sum(lonLat.map(geodesicArea));
      if (areaM2 !== undefined && areaM2 < minArea) continue;
      polygons++;
      totalAreaM2 += areaM2 ?? 0;
      yield {
        geometry: parts,
        properties: {
          ...(valueField !== undefined && { [valueField]: value }),
          area_m2: areaM2 === undefined ? null : round(areaM2, 2),
          area_planar_m2: crs === undefined || crs.geographic ? null : round(sum(parts.map(planarArea)), 2),
          perimeter_m: lonLat ? round(sum(lonLat.map(geodesicPerimeter)), 2) : null,
          pixel_count: pixelCount,
        },
      };
    }
  }
  return { features: walk(), totals: () => ({ regions, polygons, totalAreaM2: crs && totalAreaM2 }) };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const round = (value: number, digits: number): number => Number(value.toFixed(digits));
