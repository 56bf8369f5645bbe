import { crsFromEpsg, type GeoTransform } from "@glof/geo";
import type { TilePredictor } from "@glof/inference";
import { buildSmallLakeSegmenterConfig, LakeSegmenter } from "@glof/segmenter";
import type { BandName, Scene } from "@glof/sentinel2";

/** A pixel of a made-up scene. */
type PixelTest = (column: number, row: number) => boolean;

/** What a made-up scene is. */
export interface TestSceneOptions {
  readonly width: number;
  readonly height: number;
  readonly isLake: PixelTest;
  /** Default: everywhere. */
  readonly isValid?: PixelTest;
  /** Default 32645, UTM 45N. `undefined` leaves the CRS out. */
  readonly epsg?: number | undefined;
  readonly geoTransform?: GeoTransform;
  readonly inputs?: Scene["inputs"];
  /** Told of each window read. */
  readonly onRead?: (rows: number, from: number, outputSize: readonly [rows: number, cols: number]) => void;
}

const BANDS: readonly BandName[] = ["B02", "B03", "B04", "B08"];

/** A scene in memory whose lakes are dark in B08: 0.02 where the land has 0.4. */
export function testScene(options: TestSceneOptions): Scene {
  const { width, height, isLake, isValid = () => true, onRead } = options;
  const epsg = "epsg" in options ? options.epsg : 32645;
  const { geoTransform = [483_000, 10, 0, 3_095_000, 0, -10], inputs = [] } = options;
  return {
    id: "made-up",
    grid: { width, height, geoTransform, crs: epsg === undefined ? undefined : crsFromEpsg(epsg) },
    bands: BANDS,
    level: "L2A",
    radiometry: {},
    acquiredAt: "2024-06-01T04:50:00.000Z",
    inputs,
    blockRows: 16,
    readReflectance: async (window, asked, options) => {
      const outputSize = options?.outputSize ?? ([window.height, window.width] as const);
      onRead?.(window.height, window.y, outputSize);
      const [rows, cols] = outputSize;
      const pixels = Array.from({ length: rows * cols }, (_, pixel) => ({
        column: window.x + Math.floor((((pixel % cols) + 0.5) * window.width) / cols),
        row: window.y + Math.floor(((Math.floor(pixel / cols) + 0.5) * window.height) / rows),
      }));
      const validMask = Uint8Array.from(pixels, ({ column, row }) => (isValid(column, row) ? 1 : 0));
      const reflOf = (band: BandName, column: number, row: number) =>
        band === "B08" ? (isLake(column, row) ? 0.02 : 0.4) : 0.1 + 0.001 * (row % 50);
      const bandsRefl = asked.map((band) =>
        Float32Array.from(pixels, ({ column, row }, pixel) =>
          validMask[pixel] === 1 ? reflOf(band, column, row) : 0,
        ),
      );
      return { bandsRefl, validMask };
    },
    close: async () => {},
  };
}

/** A segmenter of which only the config is used: `seesLakes` does the work. */
export function configOnlySegmenter(): LakeSegmenter {
  const config = buildSmallLakeSegmenterConfig({
    name: "tiny",
    embedDim: 24,
    depth: 1,
    heads: 2,
    decoder: { widths: { patch: 8, half: 8, full: 4 } },
    trainPx: 28,
    tilePx: 56,
    overlapPx: 14,
  });
  return new LakeSegmenter({ config, params: {}, sha256: "0".repeat(64) });
}

/** Knows a lake by its B08: probability 0.9 in the dark, 0.1 elsewhere. Pixels come standardised by mean and std 0.2. */
export function seesLakes(onBatch: (tiles: number) => void = () => {}): TilePredictor {
  return {
    concurrency: 2,
    predict: async (pixels, [count, rows, cols, bands]) => {
      onBatch(count);
      return Float32Array.from({ length: count * rows * cols }, (_, pixel) =>
        pixels[pixel * bands + bands - 1]! < -0.5 ? 0.9 : 0.1,
      );
    },
  };
}
