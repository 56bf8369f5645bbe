import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  beginCog,
  type CogOptions,
  crsFromEpsg,
  listVariables,
  openRaster,
  type RasterArray,
} from "../../../packages/geo/src/index.js";
import { testTiff } from "../../../packages/sentinel2/src/test_tiff.js";
import { type FuzzTarget, type InputFiles, oneFile, onlyBytes } from "../fuzz_target.js";
import { readCorners } from "../read_everything.js";
import { filesOf, projectPath, sharedFiles } from "../seed_files.js";
import { netcdfSeeds, zarrSeeds } from "./cube_seeds.js";

const readRaster = async (files: InputFiles): Promise<void> =>
  readCorners(await openRaster(onlyBytes(files).buffer));

/** Cloud Optimized GeoTIFFs of several kinds, and a plain one. */
async function cogSeeds(): Promise<InputFiles[]> {
  const folder = await mkdtemp(join(tmpdir(), "glof-seeds-"));
  const [width, height] = [70, 50];
  const arrays = {
    uint8: Uint8Array,
    uint16: Uint16Array,
    int32: Int32Array,
    float32: Float32Array,
  } as const;
  const kinds: (Partial<CogOptions> & { dtype: keyof typeof arrays })[] = [
    { dtype: "uint8", compression: "none", nodata: 255 },
    { dtype: "uint16", bigTiff: "always", bandNames: ["B02", "B03"], scale: 0.0001, statistics: true },
    { dtype: "float32", nodata: Number.NaN },
    { dtype: "int32", compression: "none", blockSize: 32 },
  ];
  try {
    const seeds: InputFiles[] = [];
    for (const [index, { dtype, ...kind }] of kinds.entries()) {
      const bandNames = kind.bandNames ?? ["one"];
      const path = join(folder, `${index}.tif`);
      const grid = {
        width,
        height,
        geoTransform: [483_000, 10, 0, 3_095_000, 0, -10],
        crs: crsFromEpsg(32645),
      } as const;
      const writer = await beginCog(path, {
        blockSize: 16,
        overviews: "nearest",
        grid,
        ...kind,
        dtype,
        bandNames,
      });
      const pixels = Array.from({ length: width * height }, (_, pixel) => (pixel * 37) % 251);
      await writer.writeRows(
        bandNames.map((): RasterArray => arrays[dtype].from(pixels)),
        height,
      );
      await writer.close();
      seeds.push(oneFile("image.tif", await readFile(path)));
    }
    const bands = [Uint16Array.from({ length: 144 }, (_, pixel) => 500 + pixel)];
    seeds.push(
      oneFile("plain.tif", new Uint8Array(testTiff({ width: 12, height: 12, bands, names: ["B02"] }))),
    );
    return seeds;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Writes an input into a folder as it is; paths that lead elsewhere are left out. */
export async function writeFiles(files: InputFiles, folder: string): Promise<void> {
  for (const [name, content] of files) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
}

async function readVariables(source: ArrayBuffer | string): Promise<void> {
  const variables = await listVariables(source);
  for (const { name } of variables.filter(({ isRaster }) => isRaster).slice(0, 3)) {
    await readCorners(await openRaster(source, { variable: name }));
  }
  await readCorners(await openRaster(source));
}

/** Readers of pixels. */
export const rasterTargets: Readonly<Record<string, FuzzTarget>> = {
  tiff: {
    about: "GeoTIFF, COG and BigTIFF with every compression",
    seeds: async () => [...(await cogSeeds()), ...sharedFiles("data/geotiff_zoo", /\.tiff?$/, 60_000)],
    run: readRaster,
  },
  jp2: {
    about: "JPEG 2000, whole files and bare codestreams",
    seeds: async () => filesOf(projectPath("packages/geo/src/raster/jp2/test_files"), /\.(jp2|j2k)$/),
    run: readRaster,
  },
  netcdf: {
    about: "NetCDF-4 and HDF5 in memory",
    seeds: netcdfSeeds,
    run: async (files) => readVariables(onlyBytes(files).buffer),
  },
  zarr: {
    about: "Zarr folders of versions 2 and 3",
    seeds: zarrSeeds,
    run: async (files, makeFolder) => {
      const folder = await makeFolder();
      await writeFiles(files, folder);
      await readVariables(folder);
    },
  },
};
