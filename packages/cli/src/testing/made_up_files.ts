import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRng } from "@glof/core";
import { beginCog, type CogOptions, crsFromEpsg, type RasterArray } from "@glof/geo";
import { disposeParams } from "@glof/nn";
import { selectBackend } from "@glof/runtime";
import { buildLakeSegmenter, buildSmallLakeSegmenterConfig, saveBundle } from "@glof/segmenter";
import type { BandName } from "@glof/sentinel2";
import { afterAll, beforeAll } from "vitest";

/** A folder for one test file; `path(name)` lies in it. */
export function useFolder(): { path(...names: readonly string[]): string } {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "glof-cli-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return { path: (...names) => join(folder, ...names) };
}

const BANDS: readonly BandName[] = ["B02", "B03", "B04", "B08"];

/** A made-up image; by default a north-up uint16 stack of four bands in UTM 45N without anything wrong. */
export interface MadeUpImage extends Partial<Omit<CogOptions, "grid">> {
  readonly width?: number;
  readonly height?: number;
  readonly epsg?: number | undefined;
  readonly geoTransform?: CogOptions["grid"]["geoTransform"];
  /** Number of a pixel; default: noise of a plausible reflectance. */
  readonly dn?: (band: number, pixel: number) => number;
}

const arrays = { uint8: Uint8Array, uint16: Uint16Array, float32: Float32Array } as const;

/** Writes an image as a GeoTIFF. */
export async function writeImage(path: string, image: MadeUpImage = {}): Promise<void> {
  const { width = 50, height = 40, geoTransform = [483_000, 10, 0, 3_095_000, 0, -10] } = image;
  const { dtype = "uint16", bandNames = BANDS } = image;
  const epsg = "epsg" in image ? image.epsg : 32645;
  const rng = seededRng("image");
  const dn = image.dn ?? (() => 500 + rng.int(3000));
  const bands = bandNames.map((_, band): RasterArray => {
    const values = Array.from({ length: width * height }, (_, pixel) => dn(band, pixel));
    return arrays[dtype as keyof typeof arrays].from(values);
  });
  const writer = await beginCog(path, {
    overviews: "nearest",
    ...(dtype === "uint16" ? { nodata: 0 } : {}),
    ...image,
    dtype,
    bandNames,
    grid: { width, height, geoTransform, crs: epsg === undefined ? undefined : crsFromEpsg(epsg) },
  });
  await writer.writeRows(bands, height);
  await writer.close();
}

/** Saves an untrained bundle of the smallest kind. */
export async function writeTinyBundle(path: string, bands: readonly BandName[] = BANDS): Promise<void> {
  const config = buildSmallLakeSegmenterConfig({
    name: "tiny",
    bands,
    embedDim: 24,
    depth: 1,
    heads: 2,
    decoder: { widths: { patch: 8, half: 8, full: 4 } },
    trainPx: 28,
    tilePx: 28,
    overlapPx: 7,
  });
  await selectBackend({ require: "cpu" });
  const params = buildLakeSegmenter(config).init(5);
  await saveBundle(path, { config, params, card: { description: "untrained" } });
  disposeParams(params);
}
