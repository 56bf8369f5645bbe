import {
  type ByteImage,
  centerCropBytes,
  evalTransform,
  type ImageSize,
  type InterpolationFilter,
  pad2d,
  resizeBicubic,
  resizeBilinear,
  resizeBytes,
  resizeNearest,
  shorterSideSize,
} from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import type { CaseContext, CaseRunner, Got } from "../../case.js";
import { toNchw } from "../../layouts.js";

const name = "in.image_hwc_u8";

function pictureOf(context: CaseContext): ByteImage {
  const [rows, cols, channels] = context.shape(name) as [number, number, number];
  return { rows, cols, channels, bytes: Uint8Array.from(context.values(name)) };
}

/** [1, H, W, C], values 0 to 255. */
const pixels = (context: CaseContext): tf.Tensor4D => tf.expandDims(context.tensor(name), 0) as tf.Tensor4D;

/** [1, H, W, C] to [C, H, W]. */
const planes = (image: tf.Tensor): tf.Tensor => tf.squeeze(toNchw(image), [0]);

/** One picture resized as Pillow and as torchvision's tensor path do. */
export const imageResize: CaseRunner = (context) => {
  const { size, interpolation } = context.golden.options as {
    size: ImageSize;
    interpolation: InterpolationFilter | "nearest";
  };
  const pillow = { "out.pil_hwc_u8": resizeBytes(pictureOf(context), size, interpolation).bytes };
  const image = pixels(context);
  if (interpolation === "nearest") return { ...pillow, "out.tv_u8_chw": planes(resizeNearest(image, size)) };
  const resize = interpolation === "bilinear" ? resizeBilinear : resizeBicubic;
  const unit = tf.div(image, 255) as tf.Tensor4D;
  const results: Record<string, Got> = { ...pillow };
  for (const antialias of [true, false]) {
    const suffix = `${antialias ? "" : "no"}antialias_chw`;
    results[`out.tv_float_${suffix}`] = planes(resize(unit, size, { antialias }));
  }
  return results;
};

interface TransformFacts {
  readonly resize_shorter_side: number;
  readonly center_crop: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** DINOv2's evaluation transform, on a picture and on a tensor. */
export const evalTransformCase: CaseRunner = (context) => {
  const facts = context.golden.options as unknown as TransformFacts;
  const picture = pictureOf(context);
  const size = shorterSideSize(picture.rows, picture.cols, facts.resize_shorter_side);
  const resized = resizeBytes(picture, size, "bicubic");
  const { values, shape } = evalTransform(picture, {
    resizeShorterSide: facts.resize_shorter_side,
    centerCrop: facts.center_crop,
    mean: facts.mean,
    std: facts.std,
  });
  return {
    "out.resized_hwc_u8": resized.bytes,
    "out.cropped_hwc_u8": centerCropBytes(resized, facts.center_crop).bytes,
    "out.normalized": planes(tf.expandDims(tf.tensor(values, [...shape]), 0)),
    "out.tensor_path_normalized": planes(tensorPath(pixels(context), size, facts)),
  };
};

/** Resize in floats, centre crop with zeros outside, normalisation. */
function tensorPath(image: tf.Tensor4D, size: ImageSize, facts: TransformFacts): tf.Tensor {
  const side = facts.center_crop;
  const resized = resizeBicubic(tf.div(image, 255) as tf.Tensor4D, size, { antialias: true });
  const [above, left] = size.map((length) => Math.max(0, Math.floor((side - length) / 2))) as [
    number,
    number,
  ];
  const [below, right] = size.map((length) => Math.max(0, Math.ceil((side - length) / 2))) as [
    number,
    number,
  ];
  const framed = pad2d(resized, [above, below, left, right]);
  const [top, start] = [framed.shape[1], framed.shape[2]].map((length) =>
    roundHalfToEven((length - side) / 2),
  );
  const cropped = tf.slice(framed, [0, top!, start!, 0], [1, side, side, -1]);
  return tf.div(tf.sub(cropped, tf.tensor1d([...facts.mean])), tf.tensor1d([...facts.std]));
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
