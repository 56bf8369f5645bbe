import { GlofError } from "@glof/core";
import { type CubeStore, type CubeVariable, findVariable, textAttribute } from "./cube_store.js";

/** One of the two map axes of a variable. */
export interface MapAxis {
  /** Place among the variable's dimensions. */
  readonly dimension: number;
  readonly size: number;
  /** The coordinate variable, if the file has one. */
  readonly coordinate: CubeVariable | undefined;
  /** Degrees of longitude or latitude. */
  readonly isDegrees: boolean;
}

/** Where a variable's columns and rows are; the other dimensions become bands. */
export interface MapAxes {
  readonly x: MapAxis;
  readonly y: MapAxis;
}

const xNames = /^(x|xc|x_?coord(inate)?s?|lon|lons|longitude|easting|eastings|cols?|rlon)$/i;
const yNames = /^(y|yc|y_?coord(inate)?s?|lat|lats|latitude|northing|northings|rows?|rlat)$/i;
const xStandard = new Set(["projection_x_coordinate", "longitude", "grid_longitude"]);
const yStandard = new Set(["projection_y_coordinate", "latitude", "grid_latitude"]);

/**
 * Finds the map axes of a variable by the attributes of its coordinate variables (CF 1.11, chapter 4: `axis`,
 * `standard_name`, units of degrees), else by the dimensions' usual names.
 *
 * @returns `undefined` for a variable that has no two such dimensions
 */
export function findMapAxes(store: CubeStore, variable: CubeVariable): MapAxes | undefined {
  const axes = variable.dimensions.map((name, dimension): { kind: "x" | "y" | "other"; axis: MapAxis } => {
    const coordinate = coordinateOf(store, variable, dimension);
    return {
      kind: kindOf(name.split("/").at(-1)!, coordinate),
      axis: {
        dimension,
        size: variable.shape[dimension]!,
        coordinate,
        isDegrees: /^degrees?(_?(north|south|east|west|n|s|e|w))?$/i.test(
          textAttribute(coordinate, "units") ?? "",
        ),
      },
    };
  });
  const x = axes.filter(({ kind }) => kind === "x");
  const y = axes.filter(({ kind }) => kind === "y");
  if (x.length !== 1 || y.length !== 1) return undefined;
  return { x: x[0]!.axis, y: y[0]!.axis };
}

/** The one-dimensional variable that names the positions along a dimension, if there is one. */
export function coordinateOf(
  store: CubeStore,
  variable: CubeVariable,
  dimension: number,
): CubeVariable | undefined {
  const name = variable.dimensions[dimension]!;
  const found = findVariable(store.variables, name, variable);
  return found?.dimensions.length === 1 && found.shape[0] === variable.shape[dimension] ? found : undefined;
}

function kindOf(name: string, coordinate: CubeVariable | undefined): "x" | "y" | "other" {
  const axis = textAttribute(coordinate, "axis")?.toUpperCase();
  const standard = textAttribute(coordinate, "standard_name") ?? "";
  const units = textAttribute(coordinate, "units") ?? "";
  if (axis === "X" || xStandard.has(standard) || /^degrees?_(east|e)$/i.test(units)) return "x";
  if (axis === "Y" || yStandard.has(standard) || /^degrees?_(north|n)$/i.test(units)) return "y";
  if (axis !== undefined && axis !== "") return "other";
  return xNames.test(name) ? "x" : yNames.test(name) ? "y" : "other";
}

/** Evenly spaced positions: `first + index · step` is the centre of pixel `index`. */
export interface Spacing {
  readonly first: number;
  readonly step: number;
}

/** How far a coordinate may stand from its even place, as a part of the step. */
const unevenness = 0.02;

/**
 * The spacing of a coordinate variable; every value is looked at.
 *
 * @returns `undefined` for a single position, which has no step
 * @throws GlofError `bad-geotransform` when the positions are not evenly spaced
 */
export async function readSpacing(coordinate: CubeVariable, name: string): Promise<Spacing | undefined> {
  const count = coordinate.shape[0]!;
  if (count < 2) return undefined;
  const values = await coordinate.read([0], [count]);
  const first = values[0]!;
  const last = values[count - 1]!;
  const step = (last - first) / (count - 1);
  const largest = Math.max(Math.abs(first), Math.abs(last));
  // Single precision stores 86.9° to the nearest 8e-6°: that is rounding and not unevenness.
  const rounding = coordinate.dtype === "float32" ? largest * 2 ** -23 : 0;
  const allowed = Math.max(unevenness * Math.abs(step), rounding);
  for (let index = 0; index < count; index++) {
    if (!(Math.abs(values[index]! - (first + index * step)) <= allowed) || step === 0) {
      throw new GlofError(
        "bad-geotransform",
        `${name}: expected evenly spaced ${coordinate.name}, got ${values[index]} at ${index} where ${first + index * step} would be even. Regrid the file first.`,
        { variable: coordinate.name, index },
      );
    }
  }
  return { first, step };
}
