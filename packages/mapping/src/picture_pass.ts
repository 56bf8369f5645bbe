import { throwIfAborted } from "@glof/core";
import type { RasterGrid } from "@glof/geo";
import {
  beginOverview,
  type Canvas,
  DEFAULT_OVERVIEW_SIDE_PX,
  enlargeCanvas,
  renderPreview,
} from "@glof/report";
import type { BandName } from "@glof/sentinel2";
import type { Lake } from "./lake_features.js";
import type { MapArea } from "./map_area.js";

/** The bands of a true-colour picture; a scene without one of them is shown by what it has. */
const TRUE_COLOR: readonly BandName[] = ["B04", "B03", "B02"];

/** A scene smaller than this is shown enlarged, by a whole factor. */
const COMFORTABLE_SIDE_PX = 900;

/** A scene as a picture, and how it lies on the scene. */
export interface ScenePicture {
  readonly canvas: Canvas;
  /** Scene pixels per pixel of the picture. */
  readonly step: number;
}

/** Draws the scene at the size of a preview, by the files' overviews: around areas of interest as far as the model saw. */
export async function drawScene(
  { scene, window, grid }: MapArea,
  signal: AbortSignal | undefined,
): Promise<ScenePicture> {
  throwIfAborted(signal, "drawScene");
  const bands = TRUE_COLOR.map((band) => (scene.bands.includes(band) ? band : scene.bands[0]!));
  const { step, size } = pictureSize(grid);
  const { bandsRefl, validMask } = await scene.readReflectance(window, bands, {
    signal,
    // A picture shows clouds; only pixels without numbers stay blank.
    ignoreClassification: true,
    ...(step > 1 && { outputSize: size }),
  });
  const [height, width] = size;
  const overview = beginOverview({ width, height });
  overview.addRows({ red: bandsRefl[0]!, green: bandsRefl[1]!, blue: bandsRefl[2]!, validMask }, height);
  const canvas = overview.toCanvas();
  const factor = Math.max(1, Math.floor(COMFORTABLE_SIDE_PX / Math.max(canvas.width, canvas.height)));
  return { canvas: enlargeCanvas(canvas, factor), step: step / factor };
}

/** The preview as a PNG: the scene, which is drawn on, with the outlines of lakes and a scale. */
export function previewOf(
  picture: ScenePicture,
  grid: RasterGrid,
  lakes: readonly Lake[],
  pixelSizeM: number | undefined,
): Uint8Array {
  return renderPreview({ ...picture, grid, outlines: lakes.map(({ polygon }) => [polygon]), pixelSizeM });
}

/**
 * Size of the picture, and scene pixels per picture pixel: exact along the longer side; along the other it is off by half
 * a picture pixel at the far end at most.
 */
export function pictureSize({ width, height }: Pick<RasterGrid, "width" | "height">): {
  readonly step: number;
  readonly size: readonly [rows: number, cols: number];
} {
  const longest = Math.max(width, height);
  // A whole factor, which is what overviews are made by: then the one that fits holds hardly more than the picture.
  const step = longest / Math.ceil(longest / Math.ceil(longest / DEFAULT_OVERVIEW_SIDE_PX));
  const pixels = (side: number): number => Math.max(1, Math.round(side / step));
  return { step, size: [pixels(height), pixels(width)] };
}
