import { GlofError, isGlofError } from "@glof/core";
import type { Feature } from "../../types.js";
import type { VectorLayer } from "../geopackage/vector_layer.js";
import { parseDbf } from "./read_dbf.js";
import { parsePrj } from "./read_prj.js";
import { parseShp } from "./read_shp.js";

/** The files of a shapefile. Only `shp` is needed: without the others there are no attributes, and no CRS. */
export interface ShapefileParts {
  readonly shp: Uint8Array;
  readonly dbf?: Uint8Array | undefined;
  readonly prj?: Uint8Array | undefined;
  readonly cpg?: Uint8Array | undefined;
}

/**
 * The layer of a shapefile in its own CRS; records that are marked as deleted are left out.
 *
 * @param name file name for messages
 * @param layer name of the layer
 * @throws GlofError `corrupt-file`; `unsupported-feature` for points and lines
 */
export function parseShapefile(parts: ShapefileParts, name = "shapefile", layer = name): VectorLayer {
  try {
    const shapes = parseShp(parts.shp, name);
    const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
    const encoding = parts.cpg === undefined ? undefined : decode(parts.cpg);
    const records = parts.dbf === undefined ? undefined : parseDbf(parts.dbf, encoding);
    if (records !== undefined && records.length !== shapes.length) {
      throw new RangeError(`${records.length} table rows for ${shapes.length} shapes`);
    }
    const features = shapes.flatMap((geometry, index): Feature[] => {
      const properties = records === undefined ? {} : records[index];
      return properties === undefined ? [] : [{ geometry, properties }];
    });
    return { layer, crs: parts.prj === undefined ? undefined : parsePrj(decode(parts.prj)), features };
  } catch (error) {
    if (isGlofError(error)) throw error;
    throw new GlofError(
      "corrupt-file",
      `${name}: expected a whole shapefile, got ${error instanceof Error ? error.message : error}. Export it again.`,
      { name, cause: error },
    );
  }
}
