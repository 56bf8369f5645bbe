// Open a SAFE product (or a folder of loose JPEG2000 bands): reflectance by the product's own metadata, validity by its
// scene classification, and how much of it is cloud. The product is made here; give the path of one of yours instead.
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beginCog, type RasterArray, type RasterGrid } from "@glof/geo";
import {
  type BandName,
  INVALID_REASONS,
  ndwi,
  openScene,
  otsuThreshold,
  type Scene,
  sceneClassStatistics,
} from "@glof/sentinel2";
import { generateScene, surfaceCode } from "@glof/synthetic";

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

async function describe(scene: Scene): Promise<void> {
  const { product, grid, level } = scene;
  console.log(`${scene.id}: ${level}, ${grid.width} x ${grid.height} pixels of ${grid.geoTransform[1]} m`);
  console.log(`  offset ${scene.radiometry.B03?.offsetDn} DN, from ${product?.offsetFrom ?? "the file"}`);
  const { cloudFraction, snowFraction, waterFraction, validFraction } = await sceneClassStatistics(scene);
  console.log(
    `  cloud ${percent(cloudFraction)}, snow ${percent(snowFraction)}, water ${percent(waterFraction)}`,
  );
  console.log(`  valid by ${scene.validityPolicy?.invalidClasses.join(", ")}: ${percent(validFraction)}`);
}

async function findWater(scene: Scene): Promise<void> {
  const size = 240;
  const window = { x: 0, y: 0, width: size, height: size };
  const bands: BandName[] = ["B03", "B08"];
  const { bandsRefl, validMask, invalidReasons } = await scene.readReflectance(window, bands, {
    reasons: true,
  });
  const clouds = invalidReasons!.filter((reason) => (reason & INVALID_REASONS.cloud) !== 0).length;
  const index = ndwi(bandsRefl[0]!, bandsRefl[1]!);
  const threshold = Math.max(0, otsuThreshold(index, { validMask }));
  const water = index.filter((value, pixel) => validMask[pixel] === 1 && value > threshold).length;
  console.log(
    `  NDWI > ${threshold.toFixed(2)}: ${water} pixels, snow among them; ${clouds} pixels under cloud not judged`,
  );
  const preview = await scene.readReflectance(window, bands, { outputSize: [24, 24] });
  console.log(`  preview: ${preview.bandsRefl[0]!.length} pixels from the overviews of the files`);
}

/** A Level-2A product of baseline 05.09 in its folders, with GeoTIFF images, as Planetary Computer's archive kept them. */
async function writeProduct(folder: string): Promise<string> {
  const made = generateScene({ seed: 12, width: 240, height: 240, season: "summer", cloudCover: 0.2 });
  const safe = join(folder, "S2A_MSIL2A_20240801T045701_N0509_R119_T45RVL_20240801T091300.SAFE");
  const granule = join(safe, "GRANULE/L2A_T45RVL_A047579_20240801T050349");
  const images = join(granule, "IMG_DATA");
  for (const part of ["R10m", "R20m"]) await mkdir(join(images, part), { recursive: true });
  for (const band of ["B02", "B03", "B04", "B08"] as const) {
    const refl = made.bandsRefl[made.bands.indexOf(band)]!;
    const dn = Uint16Array.from(refl, (value) => Math.max(1, Math.round(value * 10_000) + 1000));
    await writeImage(join(images, `R10m/T45RVL_20240801T045701_${band}_10m.tif`), dn, made.grid);
  }
  const coarse = twiceAsCoarse(made.grid);
  const classes = Uint8Array.from({ length: 120 * 120 }, (_, pixel) => {
    const at = 2 * (240 * Math.floor(pixel / 120) + (pixel % 120));
    if (made.truth.cloudOpacity[at]! > 100) return 9;
    if (made.truth.waterMask[at] === 1) return 6;
    return made.truth.classMap[at] === surfaceCode("snow") ? 11 : 5;
  });
  await writeImage(join(images, "R20m/T45RVL_20240801T045701_SCL_20m.tif"), classes, coarse);
  await writeFile(join(safe, "MTD_MSIL2A.xml"), productMetadata);
  await writeFile(
    join(granule, "MTD_TL.xml"),
    `<Tile><HORIZONTAL_CS_CODE>EPSG:${made.grid.crs?.epsg}</HORIZONTAL_CS_CODE></Tile>`,
  );
  return safe;
}

const twiceAsCoarse = ({ crs, geoTransform: [x, size, , y] }: RasterGrid): RasterGrid => ({
  crs,
  width: 120,
  height: 120,
  geoTransform: [x, 2 * size, 0, y, 0, -2 * size],
});

async function writeImage(path: string, pixels: RasterArray, grid: RasterGrid): Promise<void> {
  const dtype = pixels instanceof Uint8Array ? "uint8" : "uint16";
  const writer = await beginCog(path, {
    grid,
    dtype,
    bandNames: ["image"],
    blockSize: 128,
    overviews: "nearest",
  });
  await writer.writeRows([pixels], grid.height);
  await writer.close();
}

const productMetadata = `<Level-2A_User_Product>
  <PRODUCT_START_TIME>2024-08-01T04:57:01.024Z</PRODUCT_START_TIME>
  <PROCESSING_LEVEL>Level-2A</PROCESSING_LEVEL><PROCESSING_BASELINE>05.09</PROCESSING_BASELINE>
  <BOA_QUANTIFICATION_VALUE>10000</BOA_QUANTIFICATION_VALUE>
  <BOA_ADD_OFFSET band_id="1">-1000</BOA_ADD_OFFSET><BOA_ADD_OFFSET band_id="2">-1000</BOA_ADD_OFFSET>
  <BOA_ADD_OFFSET band_id="3">-1000</BOA_ADD_OFFSET><BOA_ADD_OFFSET band_id="7">-1000</BOA_ADD_OFFSET>
</Level-2A_User_Product>`;

const folder = await mkdtemp(join(tmpdir(), "glof-example-"));
// A real tile of loose bands, where the project's shared data lie beside it.
const realTile = fileURLToPath(new URL("../../shared/data/t11upt_l2a_60m_jp2", import.meta.url));
const own = process.argv[2];
const sources = own ? [own] : [await writeProduct(folder), ...(existsSync(realTile) ? [realTile] : [])];
for (const source of sources) {
  // A SAFE product's classification is used without asking, that beside loose bands when a policy is given.
  const scene = await openScene(source, { validity: {} });
  await describe(scene);
  if (scene.bands.includes("B08") && scene.grid.width >= 240) await findWater(scene);
  await scene.close();
}
await rm(folder, { recursive: true });
