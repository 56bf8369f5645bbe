import type { Crs } from "../types.js";
import { crsFromEpsg } from "./crs.js";
import { knownCrs } from "./known_crs.js";

/**
 * The CRS of an EPSG code as a file names it. One that this package does not know still comes back, so that shapes can be
 * read; `projector` refuses it when coordinates are needed.
 */
export function epsgOrUnknown(
  epsg: number,
  said: { readonly name: string | undefined; readonly geographic: boolean },
): Crs {
  if (knownCrs(epsg) !== undefined) return crsFromEpsg(epsg);
  return { epsg, geographic: said.geographic, proj4: `EPSG:${epsg}`, name: said.name ?? `EPSG:${epsg}` };
}
