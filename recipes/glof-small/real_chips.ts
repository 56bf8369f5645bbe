// Turns the real images that are no named-band GeoTIFFs into such files:
// `npx tsx recipes/glof-small/real_chips.ts ../shared/data <folder>` writes ukis/ and everest/.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { beginCog, crsFromEpsg, openRaster, type RasterGrid } from "@glof/geo";
import { readNpz } from "./npz.js";

const [data, folder] = process.argv.slice(2);
if (data === undefined || folder === undefined)
  throw new Error("usage: real_chips.ts <shared data> <folder>");
const BANDS = ["B02", "B03", "B04", "B08"];

await writeUkis(join(folder, "ukis"));
await writeEverest(join(folder, "everest"));

/** UKIS-CSMask's Sentinel-2 chip: reflectances [512, 512, blue green red nir swir swir] and classes, without a place. */
async function writeUkis(target: string): Promise<void> {
  const { img, msk } = await readNpz(join(data!, "ukis_csmask_s2", "sentinel2.npz"));
  const [height, width, channels] = img!.shape as [number, number, number];
  // The chip states no place; a grid of its 30 m pixels in any UTM zone lets it be opened.
  const grid: RasterGrid = {
    width,
    height,
    geoTransform: [500_000, 30, 0, 4_500_000, 0, -30],
    crs: crsFromEpsg(32615),
  };
  const bands = BANDS.map((_, band) =>
    Uint16Array.from({ length: width * height }, (_, pixel) => toDn(img!.values[pixel * channels + band]!)),
  );
  await write(join(target, "scene.tif"), grid, bands, BANDS, "uint16");
  await write(join(target, "truth.tif"), grid, [Uint8Array.from(msk!.values)], ["class"], "uint8");
}

/**
 * Landsat 7 ETM+ of the Everest region, 8-bit radiances in low gain, to top-of-atmosphere reflectance by the constants of
 * Chander et al. (2009), table 4, for the sun of late October at 28 N. Good to some ten per cent: nothing states the gain.
 */
async function writeEverest(target: string): Promise<void> {
  const source = join(data!, "everest_exploradores_glaciohack");
  const rgb = await openRaster(join(source, "LE71400412000304SGS00_RGB.tif"));
  const nir = await openRaster(join(source, "LE71400412000304SGS00_B4.tif"));
  const { width, height } = rgb.grid;
  const window = { x: 0, y: 0, width, height };
  const [red, green, blue] = await rgb.readWindow(window);
  const [nearInfrared] = await nir.readWindow(window);
  const sinSun = Math.sin((46 * Math.PI) / 180);
  const calibration = [
    { dn: blue!, least: -6.2, most: 293.7, sun: 1997 },
    { dn: green!, least: -6.4, most: 300.9, sun: 1812 },
    { dn: red!, least: -5.0, most: 234.4, sun: 1533 },
    { dn: nearInfrared!, least: -5.1, most: 241.1, sun: 1039 },
  ];
  const bands = calibration.map(({ dn, least, most, sun }) =>
    Uint16Array.from(dn, (value) =>
      toDn((Math.PI * (least + ((most - least) * value) / 255)) / (sun * sinSun)),
    ),
  );
  await write(join(target, "scene.tif"), rgb.grid, bands, BANDS, "uint16");
  await Promise.all([rgb.close(), nir.close()]);
}

function toDn(refl: number): number {
  return Math.min(65_535, Math.max(1, Math.round(refl * 10_000)));
}

async function write(
  path: string,
  grid: RasterGrid,
  bands: readonly (Uint16Array | Uint8Array)[],
  bandNames: readonly string[],
  dtype: "uint16" | "uint8",
): Promise<void> {
  await mkdir(join(path, ".."), { recursive: true });
  const cog = await beginCog(path, { grid, dtype, bandNames, overviews: "nearest" });
  await cog.writeRows(bands, grid.height);
  await cog.close();
}
