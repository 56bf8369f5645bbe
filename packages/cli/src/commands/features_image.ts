import { readFile } from "node:fs/promises";
import { GlofError, type Logger } from "@glof/core";
import { asGlofError } from "@glof/core/node";
import { openRaster, type PixelWindow, type RasterGrid, type RasterSource, readReduced } from "@glof/geo";
import { type ByteImage, resizeBicubic, resizeBytes } from "@glof/nn";
import { decodePng } from "@glof/report";
import { type BandName, openScene, type ReflectanceWindow, requireBands, type Scene } from "@glof/sentinel2";
import { rgbBands } from "@glof/vit-dinov2";
import * as tf from "@tensorflow/tfjs-core";

/** An open image: a scene, or a picture of red, green and blue bytes. */
export interface FeatureImage {
  /** File name or scene id. */
  readonly id: string;
  readonly kind: "scene" | "picture";
  readonly bands: readonly string[];
  readonly width: number;
  readonly height: number;
  /** Where the pixels lie on the Earth; not known of a PNG. */
  readonly grid: RasterGrid | undefined;
  /** Reflectance of a window at another size; a picture's white is `whiteRefl`. */
  read(
    window: PixelWindow,
    size: readonly [rows: number, cols: number],
    bands: readonly string[],
    signal?: AbortSignal,
  ): Promise<ReflectanceWindow>;
  close(): Promise<void>;
}

/** How to open an image. */
export interface FeatureImageOptions {
  /** Names of a file's bands in order. */
  readonly bands?: readonly string[] | undefined;
  readonly offset?: number | undefined;
  readonly quantification?: number | undefined;
  /** Reflectance that a picture shows as 255. */
  readonly whiteRefl: number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Opens a PNG, a GeoTIFF of red, green and blue bytes, or whatever `openScene` knows.
 *
 * @throws GlofError what `openScene`, `openRaster` and `decodePng` throw
 */
export async function openFeatureImage(path: string, options: FeatureImageOptions): Promise<FeatureImage> {
  if (/\.png$/i.test(path)) return pictureFromPng(path, options.whiteRefl);
  const raster = await tryColourRaster(path, options);
  if (raster) return pictureFromRaster(raster, options.whiteRefl);
  const { bands, offset, quantification, logger, signal } = options;
  return fromScene(await openScene(path, { bands, offsetDn: offset, quantification, logger, signal }));
}

function fromScene(scene: Scene): FeatureImage {
  const { width, height } = scene.grid;
  return {
    id: scene.id,
    kind: "scene",
    bands: scene.bands,
    width,
    height,
    grid: scene.grid,
    read: async (window, size, bands, signal) => {
      requireBands(scene, bands as BandName[], `glof features ${scene.id}`);
      const outputSize = reducedSize(window, size);
      const pixels = await scene.readReflectance(window, bands as BandName[], { signal, outputSize });
      return resizeReflectance(pixels, outputSize, size);
    },
    close: () => scene.close(),
  };
}

/** A GeoTIFF of three or four bytes per pixel without names of bands is a picture, not a scene. */
async function tryColourRaster(
  path: string,
  { bands }: FeatureImageOptions,
): Promise<RasterSource | undefined> {
  if (bands !== undefined || !/\.tiff?$/i.test(path)) return undefined;
  const raster = await openRaster(path);
  const isColour =
    (raster.bands.length === 3 || raster.bands.length === 4) &&
    raster.bands.every(({ dtype, name }) => dtype === "uint8" && (name === undefined || name === ""));
  if (isColour) return raster;
  await raster.close();
  return undefined;
}

async function pictureFromPng(path: string, whiteRefl: number): Promise<FeatureImage> {
  const { width, height, rgba } = decodePng(await asGlofError(path, () => readFile(path)), path);
  const alpha = Uint8Array.from({ length: width * height }, (_, pixel) => rgba[pixel * 4 + 3]!);
  const bytes = Uint8Array.from(
    { length: width * height * 3 },
    (_, at) => rgba[Math.floor(at / 3) * 4 + (at % 3)]!,
  );
  return {
    ...pictureFacts(path, width, height),
    grid: undefined,
    read: async (window, size, bands) => {
      const colours = crop({ rows: height, cols: width, channels: 3, bytes }, window);
      const opaque = crop({ rows: height, cols: width, channels: 1, bytes: alpha }, window);
      return toReflectance(colours, opaque, { size, bands, whiteRefl });
    },
    close: async () => {},
  };
}

function pictureFromRaster(raster: RasterSource, whiteRefl: number): FeatureImage {
  const { width, height } = raster.grid;
  return {
    ...pictureFacts(raster.name, width, height),
    grid: raster.grid,
    read: async (window, size, bands, signal) => {
      const [rows, cols] = reducedSize(window, size);
      const [red, green, blue, alpha] = await readReduced(raster, window, [rows, cols], signal && { signal });
      const count = rows * cols;
      const shape = { rows, cols };
      const planes = [red!, green!, blue!];
      const bytes = Uint8Array.from({ length: count * 3 }, (_, at) => planes[at % 3]![Math.floor(at / 3)]!);
      const opaque = alpha === undefined ? new Uint8Array(count).fill(255) : Uint8Array.from(alpha);
      return toReflectance(
        { ...shape, channels: 3, bytes },
        { ...shape, channels: 1, bytes: opaque },
        { size, bands, whiteRefl },
      );
    },
    close: () => raster.close(),
  };
}

const pictureFacts = (path: string, width: number, height: number) => ({
  id: path,
  kind: "picture" as const,
  bands: rgbBands,
  width,
  height,
});

interface PictureRequest {
  readonly size: readonly [rows: number, cols: number];
  readonly bands: readonly string[];
  readonly whiteRefl: number;
}

/** Resized to the very bytes that Pillow gives, as DINOv2's own transforms do. */
function toReflectance(
  colours: ByteImage,
  opaque: ByteImage,
  { size, bands, whiteRefl }: PictureRequest,
): ReflectanceWindow {
  const absent = bands.find((band) => !rgbBands.includes(band));
  if (absent !== undefined) {
    throw new GlofError(
      "missing-band",
      `glof features: expected an image with ${bands.join(", ")}, got a picture of red, green and blue without ${absent}. ` +
        "Pass a scene, or weights for B04, B03, B02.",
      { band: absent },
    );
  }
  const { bytes } = resizeBytes(colours, size, "bicubic");
  const { bytes: alpha } = resizeBytes(opaque, size, "nearest");
  return {
    bandsRefl: bands.map((band) => {
      const channel = rgbBands.indexOf(band);
      return Float32Array.from(alpha, (_, pixel) => (bytes[pixel * 3 + channel]! / 255) * whiteRefl);
    }),
    validMask: Uint8Array.from(alpha, (one) => Number(one > 0)),
  };
}

function crop({ cols, channels, bytes }: ByteImage, { x, y, width, height }: PixelWindow): ByteImage {
  const part = new Uint8Array(width * height * channels);
  for (let row = 0; row < height; row++) {
    const from = ((y + row) * cols + x) * channels;
    part.set(bytes.subarray(from, from + width * channels), row * width * channels);
  }
  return { rows: height, cols: width, channels, bytes: part };
}

/** A large window is read at no more than twice the size that is asked: means of its pixels, in little memory. */
function reducedSize(
  { width, height }: PixelWindow,
  [rows, cols]: readonly [number, number],
): readonly [rows: number, cols: number] {
  return [Math.min(height, 2 * rows), Math.min(width, 2 * cols)];
}

/**
 * Bicubic with antialias, pixels without data taken as the mean of the others, so that they leave no rim; where the
 * nearest pixel has none, neither has the result.
 */
async function resizeReflectance(
  { bandsRefl, validMask }: ReflectanceWindow,
  [height, width]: readonly [number, number],
  [rows, cols]: readonly [number, number],
): Promise<ReflectanceWindow> {
  if (rows === height && cols === width) return { bandsRefl, validMask };
  const resized: Float32Array[] = [];
  for (const refl of bandsRefl)
    resized.push(await resizePlane(filled(refl, validMask), [height, width], [rows, cols]));
  const mask = Uint8Array.from({ length: rows * cols }, (_, pixel) => {
    const y = Math.floor(((Math.floor(pixel / cols) + 0.5) * height) / rows);
    const x = Math.floor((((pixel % cols) + 0.5) * width) / cols);
    return validMask[y * width + x]!;
  });
  return { bandsRefl: resized, validMask: mask };
}

function filled(refl: Float32Array, validMask: Uint8Array): Float32Array {
  let [sum, count] = [0, 0];
  for (let pixel = 0; pixel < refl.length; pixel++) {
    if (validMask[pixel] === 0) continue;
    sum += refl[pixel]!;
    count++;
  }
  return count === refl.length
    ? refl
    : refl.map((value, pixel) => (validMask[pixel] === 0 ? sum / count : value));
}

async function resizePlane(
  plane: Float32Array,
  [height, width]: readonly [number, number],
  size: readonly [number, number],
): Promise<Float32Array> {
  const resized = tf.tidy(() =>
    resizeBicubic(tf.tensor4d(plane, [1, height, width, 1]), size, { antialias: true }),
  );
  try {
    return Float32Array.from(await resized.data<"float32">());
  } finally {
    resized.dispose();
  }
}
