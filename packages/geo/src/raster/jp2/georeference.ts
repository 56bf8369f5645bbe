import type { GeoTransform } from "../../types.js";
import { readGrid } from "../georeference.js";
import { readTiffFile } from "../tiff_file.js";
import type { Jp2Boxes } from "./boxes.js";
import { readGml } from "./gml.js";
import type { Georeference } from "./jp2_types.js";

const none: Georeference = { geoTransform: [0, 1, 0, 0, 0, 1], crs: undefined };

/**
 * Finds the georeference of a JP2 file: the first GeoJP2 box that says something, else GMLJP2, as GDAL does. A box that
 * cannot be understood is passed over: the pixels are whole without it.
 */
export async function readJp2Georeference(boxes: Jp2Boxes, name: string): Promise<Georeference> {
  for (const bytes of boxes.geoTiffs) {
    const found = await readGeoJp2(bytes, name);
    if (found !== undefined) return found;
  }
  for (const text of boxes.gml) {
    const found = readGml(text);
    if (found !== undefined) return found;
  }
  return none;
}

async function readGeoJp2(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<Georeference | undefined> {
  try {
    const file = await readTiffFile({
      name: `${name} (GeoJP2 box)`,
      size: bytes.length,
      read: async (offset, length) => bytes.slice(offset, offset + length),
      close: async () => {},
    });
    const { geoTransform, crs } = readGrid(file, { width: 1, height: 1 });
    return isIdentity(geoTransform) && crs === undefined ? undefined : { geoTransform, crs };
  } catch {
    return undefined;
  }
}

const isIdentity = (transform: GeoTransform): boolean =>
  transform.every((value, index) => value === none.geoTransform[index]);
