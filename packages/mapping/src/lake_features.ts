import {
  type ColumnType,
  type Crs,
  type Feature,
  geodesicArea,
  geodesicPerimeter,
  type LakeOutline,
  type Polygon,
  planarArea,
  projector,
  WGS84,
} from "@glof/geo";
import { edgeAreaSigmaM2 } from "@glof/monitoring";
import { lakeId } from "./lake_id.js";

/** A measured lake. */
export interface Lake {
  readonly id: string;
  /** In the scene's CRS, along pixel edges. */
  readonly polygon: Polygon;
  /** Geodesic area on the WGS84 ellipsoid. */
  readonly areaM2: number;
  /** Area in the plane of the scene's CRS; `undefined` when that CRS is in degrees. */
  readonly planarAreaM2: number | undefined;
  /** One standard deviation of the area, from the pixel edge (Hanshaw and Bookhagen 2014). */
  readonly areaSigmaM2: number;
  /** Geodesic length of the outline, holes included. */
  readonly perimeterM: number;
  readonly pixelCount: number;
  /** Mean lake probability of its pixels. */
  readonly meanProb: number;
  /**
   * `n / (n + s)` of its n pixels and the s pixel sides that it shares with pixels without data: 1 where all its shore was
   * seen; the lower, the more of it may lie hidden.
   */
  readonly validFraction: number;
  /** Whether the lake reaches the border of the scene, where it may go on. */
  readonly touchesEdge: boolean;
  /** Centre of the lake's bounding box, degrees. */
  readonly lonDeg: number;
  readonly latDeg: number;
}

/** Columns of the lake tables, in order, with their types: a map without lakes has the same table. */
export const LAKE_COLUMN_TYPES = {
  lake_id: "TEXT",
  area_m2: "REAL",
  area_planar_m2: "REAL",
  area_sigma_m2: "REAL",
  perimeter_m: "REAL",
  mean_probability: "REAL",
  valid_fraction: "REAL",
  touches_edge: "BOOLEAN",
  pixel_count: "INTEGER",
  longitude: "REAL",
  latitude: "REAL",
} as const satisfies Readonly<Record<string, ColumnType>>;

/**
 * Measures outlines and names them, largest first; those below `minAreaM2` are left out.
 *
 * @param crs CRS of the outlines
 */
export function measureLakes(outlines: readonly LakeOutline[], crs: Crs, minAreaM2: number): Lake[] {
  const toLonLat = projector(crs, WGS84);
  const taken = new Set<string>();
  return outlines
    .map((outline) => ({ outline, lonLat: outline.polygon.map((ring) => ring.map(toLonLat)) }))
    .map(({ outline, lonLat }) => ({ outline, lonLat, areaM2: geodesicArea(lonLat) }))
    .filter(({ areaM2 }) => areaM2 >= minAreaM2)
    .sort((a, b) => b.areaM2 - a.areaM2 || a.outline.id - b.outline.id)
    .map(({ outline, lonLat, areaM2 }) => measureLake(outline, lonLat, areaM2, crs, taken));
}

function measureLake(
  outline: LakeOutline,
  lonLat: Polygon,
  areaM2: number,
  crs: Crs,
  taken: Set<string>,
): Lake {
  const perimeterM = geodesicPerimeter(lonLat);
  const [lonDeg, latDeg] = boxCentre(lonLat);
  return {
    id: lakeId(lonDeg, latDeg, taken),
    polygon: outline.polygon,
    areaM2,
    planarAreaM2: crs.geographic ? undefined : planarArea(outline.polygon),
    areaSigmaM2: edgeAreaSigmaM2(perimeterM, Math.sqrt(areaM2 / outline.pixelCount)),
    perimeterM,
    pixelCount: outline.pixelCount,
    meanProb: outline.probSum / outline.pixelCount,
    validFraction: outline.pixelCount / (outline.pixelCount + outline.noDataNeighbours),
    touchesEdge: outline.touchesEdge,
    lonDeg,
    latDeg,
  };
}

/** Names of the columns, in order. */
export const LAKE_COLUMNS = Object.keys(LAKE_COLUMN_TYPES) as readonly (keyof typeof LAKE_COLUMN_TYPES)[];

/** A lake as a feature with the columns of `LAKE_COLUMN_TYPES`. */
export function toFeature(lake: Lake): Feature {
  const round = (value: number, digits: number) => Number(value.toFixed(digits));
  return {
    geometry: [lake.polygon],
    properties: {
      lake_id: lake.id,
      area_m2: round(lake.areaM2, 1),
      area_planar_m2: lake.planarAreaM2 === undefined ? null : round(lake.planarAreaM2, 1),
      area_sigma_m2: round(lake.areaSigmaM2, 1),
      perimeter_m: round(lake.perimeterM, 1),
      mean_probability: round(lake.meanProb, 4),
      valid_fraction: round(lake.validFraction, 4),
      touches_edge: lake.touchesEdge,
      pixel_count: lake.pixelCount,
      longitude: round(lake.lonDeg, 6),
      latitude: round(lake.latDeg, 6),
    },
  };
}

/** Centre of a polygon's bounding box; right also where it lies across the antimeridian. */
function boxCentre(polygon: Polygon): [number, number] {
  const [firstLonDeg] = polygon[0]![0]!;
  const lonsDeg = polygon[0]!.map(([lonDeg]) => firstLonDeg + wrapDeg(lonDeg - firstLonDeg));
  const latsDeg = polygon[0]!.map(([, latDeg]) => latDeg);
  return [wrapDeg(middle(lonsDeg)), middle(latsDeg)];
}

const middle = (values: readonly number[]): number =>
  (values.reduce((a, b) => Math.min(a, b)) + values.reduce((a, b) => Math.max(a, b))) / 2;

/** An angle in [-180, 180). */
const wrapDeg = (angleDeg: number): number => angleDeg - 360 * Math.floor((angleDeg + 180) / 360);
