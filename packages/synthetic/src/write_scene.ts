import { beginCog, type CogOptions, projector, type RasterArray, reprojectPolygons, WGS84 } from "@glof/geo";
import { lakeFeatures } from "./lake_features.js";
import { loadCoreNode } from "./node_only.js";
import type { SyntheticScene } from "./types.js";

/** How a scene is written. */
export interface WriteSceneOptions {
  /**
   * Added to reflectance · 10000, as products from baseline 04.00 on have it: -1000 there, 0 (default)
   * before.
   */
  readonly offsetDn?: number;
}

/** Numbers per unit of reflectance in Sentinel-2 products. */
export const QUANTIFICATION = 10_000;

/**
 * Writes `scene.tif` (uint16, one named band each, 0 no data, scale and offset in the file), `truth.tif`
 * (uint8, bands `lake`, `visible`, `water`: 1 yes, 0 no, 255 no data) and `lakes.geojson` (WGS 84, RFC 7946)
 * into a folder, which is made if absent.
 *
 * @throws GlofError `not-writable`, `no-space`, `io`
 */
export async function writeScene(
  dir: string,
  scene: SyntheticScene,
  options: WriteSceneOptions = {},
): Promise<void> {
  const { offsetDn = 0 } = options;
  const dn = scene.bandsRefl.map((band) => toDn(band, scene.validMask, offsetDn));
  await writeRaster(`${dir}/scene.tif`, dn, {
    grid: scene.grid,
    dtype: "uint16",
    bandNames: scene.bands,
    nodata: 0,
    overviews: "average",
    scale: 1 / QUANTIFICATION,
    offset: offsetDn / QUANTIFICATION,
    metadata: { SEASON: scene.season, YEAR: String(scene.year), SEED: String(scene.seed) },
  });
  const { lakeMask, visibleMask, waterMask } = scene.truth;
  await writeRaster(`${dir}/truth.tif`, [lakeMask, visibleMask, waterMask], {
    grid: scene.grid,
    dtype: "uint8",
    bandNames: ["lake", "visible", "water"],
    nodata: 255,
    overviews: "nearest",
  });
  await writeLakes(`${dir}/lakes.geojson`, scene);
}

/** Numbers as a product stores them. No valid pixel becomes 0, which means no data. */
export function toDn(bandRefl: Float32Array, validMask: Uint8Array, offsetDn: number): Uint16Array {
  const dn = new Uint16Array(bandRefl.length);
  for (let cell = 0; cell < dn.length; cell++) {
    const value = Math.round(bandRefl[cell]! * QUANTIFICATION) - offsetDn;
    dn[cell] = validMask[cell] === 1 ? Math.min(65_535, Math.max(1, value)) : 0;
  }
  return dn;
}

async function writeRaster(path: string, bands: readonly RasterArray[], options: CogOptions): Promise<void> {
  const writer = await beginCog(path, options);
  try {
    await writer.writeRows(bands, options.grid.height);
    await writer.close();
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

async function writeLakes(path: string, scene: SyntheticScene): Promise<void> {
  const toWgs84 = projector(scene.grid.crs!, WGS84);
  const features = lakeFeatures(scene).map(({ geometry, properties }) => ({
    type: "Feature",
    properties,
    geometry: { type: "MultiPolygon", coordinates: reprojectPolygons(geometry, toWgs84) },
  }));
  const { writeFileAtomic } = await loadCoreNode();
  await writeFileAtomic(path, `${JSON.stringify({ type: "FeatureCollection", name: "lakes", features })}\n`);
}
