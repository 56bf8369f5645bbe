import type { RasterSource } from "../../types.js";
import { createCubeSource } from "../cube/cube_source.js";
import type { OpenRasterOptions } from "../raster_format.js";
import type { ZarrPlace } from "./zarr_keys.js";
import { loadZarr } from "./zarr_module.js";
import { createZarrStore } from "./zarr_store.js";

/**
 * Opens a variable of a Zarr hierarchy by the optional peer `zarrita`; chunks are read when a window needs them.
 *
 * @throws GlofError `unsupported-feature` without the peer; `bad-argument`, `corrupt-file`, `limit-exceeded`
 */
export async function openZarr(place: ZarrPlace, options: OpenRasterOptions): Promise<RasterSource> {
  const zarr = await loadZarr(options.peers?.zarrita);
  return createCubeSource(await createZarrStore(place, zarr, options.variable), options.variable);
}
