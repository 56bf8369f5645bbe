import { writeFileAtomic } from "@glof/core/node";
import { type ByteImage, resizeBytes } from "@glof/nn";
import { beginOverview, blankCanvas, type Canvas, encodePng, joinCanvases } from "@glof/report";
import type { ReflectanceWindow } from "@glof/sentinel2";
import { type FeaturePicture, type ForegroundRule, featurePicture, rgbBands } from "@glof/vit-dinov2";
import type { PatchMap } from "./features_files.js";

/** Longer side of each of the three pictures; small images are enlarged by a whole number. */
const leastSidePx = 700;

/** What the picture is made of. */
export interface PcaPictureOptions {
  readonly map: PatchMap;
  /** The image as the model saw it, and its bands. */
  readonly pixels: ReflectanceWindow;
  readonly bands: readonly string[];
  readonly size: readonly [rows: number, cols: number];
  readonly foreground: ForegroundRule | undefined;
}

/**
 * Writes three pictures side by side: the image in true colour, the principal components of its patches as red, green and
 * blue, and the same enlarged smoothly.
 *
 * @returns share of the variance that each component explains
 */
export async function writePcaPicture(path: string, options: PcaPictureOptions): Promise<FeaturePicture> {
  const { map, size, foreground } = options;
  const picture = featurePicture(map.values, map.shape, foreground && { foreground });
  const factor = Math.max(1, Math.ceil(leastSidePx / Math.max(...size)));
  const shown = [size[0] * factor, size[1] * factor] as const;
  const views = [
    toCanvas(resizeBytes(trueColour(options), shown, "bicubic")),
    toCanvas(resizeBytes(picture.image, shown, "nearest")),
    toCanvas(resizeBytes(picture.image, shown, "bicubic")),
  ];
  await writeFileAtomic(path, encodePng(joinCanvases(views)));
  return picture;
}

/** Red, green and blue of the image, or its first band in grey where it lacks one of them. */
function trueColour({ pixels, bands, size: [rows, cols] }: PcaPictureOptions): ByteImage {
  const { bandsRefl, validMask } = pixels;
  const places = rgbBands.map((band) => bands.indexOf(band));
  const [red, green, blue] = places.map((place) => bandsRefl[places.includes(-1) ? 0 : place]!);
  const overview = beginOverview({ width: cols, height: rows }, { maxSidePx: Math.max(rows, cols) });
  overview.addRows({ red: red!, green: green!, blue: blue!, validMask }, rows);
  const { rgba } = overview.toCanvas();
  const bytes = Uint8Array.from(
    { length: rows * cols * 3 },
    (_, at) => rgba[Math.floor(at / 3) * 4 + (at % 3)]!,
  );
  return { rows, cols, channels: 3, bytes };
}

function toCanvas({ rows, cols, bytes }: ByteImage): Canvas {
  const canvas = blankCanvas(cols, rows);
  for (let at = 0; at < bytes.length; at++) canvas.rgba[Math.floor(at / 3) * 4 + (at % 3)] = bytes[at]!;
  return canvas;
}
