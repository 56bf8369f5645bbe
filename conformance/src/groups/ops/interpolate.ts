import { adaptiveAvgPool2d, type ImageSize, resizeBicubic, resizeBilinear, resizeNearest } from "@glof/nn";
import type * as tf from "@tensorflow/tfjs-core";
import type { CaseRunner } from "../../case.js";
import { imageToFile, layerWithGradients } from "./objective.js";

interface InterpolateOptions {
  readonly mode: "bilinear" | "bicubic" | "nearest" | "nearest-exact" | "area";
  readonly size?: ImageSize;
  readonly scale_factor?: ImageSize;
  readonly align_corners?: boolean;
  readonly antialias?: boolean;
  readonly recompute_scale_factor?: boolean | null;
}

/** `torch.nn.functional.interpolate`. */
export const interpolate: CaseRunner = (context) => {
  const options = context.golden.options as unknown as InterpolateOptions;
  return layerWithGradients(
    context,
    { x: context.image("in.x") },
    ({ x }) => resize(x as tf.Tensor4D, options),
    imageToFile,
  );
};

function resize(x: tf.Tensor4D, options: InterpolateOptions): tf.Tensor4D {
  const { mode, scale_factor, align_corners = false, antialias = false } = options;
  const size = options.size ?? scaledSize(x, scale_factor!);
  const scale = options.recompute_scale_factor ? undefined : scale_factor;
  switch (mode) {
    case "bilinear":
      return resizeBilinear(x, size, { alignCorners: align_corners, antialias, scale });
    case "bicubic":
      return resizeBicubic(x, size, { alignCorners: align_corners, antialias, scale });
    case "area":
      return adaptiveAvgPool2d(x, size);
    default:
      return resizeNearest(x, size, { scale, exact: mode === "nearest-exact" });
  }
}

/** PyTorch truncates. */
function scaledSize(x: tf.Tensor4D, [rows, cols]: ImageSize): ImageSize {
  return [Math.floor(x.shape[1] * rows), Math.floor(x.shape[2] * cols)];
}
