import { GlofError } from "@glof/core";
import { describeVariables, type VariableInfo } from "./cube/cube_variables.js";
import { isHdf5Start, openNetcdfStore } from "./netcdf/open_netcdf.js";
import { openByteSource } from "./open_byte_source.js";
import { type OpenRasterOptions, type RasterInput, sniffedBytes } from "./raster_format.js";
import { describeStart } from "./sniff_format.js";
import { zarrPlace } from "./zarr/zarr_keys.js";
import { loadZarr } from "./zarr/zarr_module.js";
import { createZarrStore } from "./zarr/zarr_store.js";

/**
 * The variables of a NetCDF-4, HDF5 or Zarr file, with their dimensions and attributes. Those with `isRaster` can be
 * opened: `openRaster(source, { variable: name })`.
 *
 * @throws GlofError `unsupported-format` for other files; `unsupported-feature` when the optional package that reads the
 *   format (h5wasm, zarrita) is not installed; what `openRaster` throws
 */
export async function listVariables(
  source: RasterInput,
  options: Pick<OpenRasterOptions, "name" | "peers"> = {},
): Promise<VariableInfo[]> {
  const place = await zarrPlace(source, options.name);
  if (place !== undefined) {
    return describeVariables(await createZarrStore(place, await loadZarr(options.peers?.zarrita), undefined));
  }
  const bytes = await openByteSource(source, options.name);
  try {
    const start = await bytes.read(0, Math.min(sniffedBytes, bytes.size));
    if (!isHdf5Start(start)) {
      throw new GlofError(
        "unsupported-format",
        `${bytes.name}: expected NetCDF-4, HDF5 or Zarr, got ${describeStart(start)}. Other rasters have no variables: use openRaster.`,
        { name: bytes.name },
      );
    }
    const store = await openNetcdfStore(bytes, options, source);
    try {
      return describeVariables(store);
    } finally {
      await store.close();
    }
  } finally {
    await bytes.close();
  }
}
