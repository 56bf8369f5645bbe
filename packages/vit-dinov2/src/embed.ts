import { GlofError } from "@glof/core";
import { conv2d, type Params } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import type { Dinov2Config } from "./config.js";
import { interpolatePosition } from "./position.js";

/** Rows and columns of patches of an image. */
export type PatchGrid = readonly [rows: number, cols: number];

/**
 * The grid of patches of a batch of images.
 *
 * @throws GlofError `shape-mismatch` when channels or sizes do not fit the model
 */
export function patchGrid(config: Dinov2Config, images: tf.Tensor4D): PatchGrid {
  const { patchSizePx: patch, bands, name } = config;
  const [, height, width, channels] = images.shape;
  const fits = images.rank === 4 && channels === bands.length && height % patch === 0 && width % patch === 0;
  if (fits && height > 0 && width > 0) return [height / patch, width / patch];
  throw new GlofError(
    "shape-mismatch",
    `${name}: expected images [N, H, W, ${bands.length}] (bands ${bands.join(", ")}) with H and W multiples of ${patch}, ` +
      `got [${images.shape.join(", ")}]. Pad them with centerPad(images, ${patch}).`,
    { shape: images.shape },
  );
}

/**
 * Each patch through the patch embedding: a convolution of stride = size, one matrix product whose operand WebGPU gathers on the
 * way.
 *
 * @returns [N, P, D]
 */
export function embedPatches(config: Dinov2Config, params: Params, images: tf.Tensor4D): tf.Tensor3D {
  const { patchSizePx: stride, embedDim } = config;
  const [rows, cols] = patchGrid(config, images);
  const kernel = params["patch_embed.proj.weight"] as tf.Tensor4D;
  return tf.tidy(() => {
    const patches = conv2d(images, kernel, params["patch_embed.proj.bias"]!, { stride });
    return tf.reshape(patches, [images.shape[0], rows * cols, embedDim]);
  });
}

/**
 * Patches with masks, cls token, positions and registers: what the first block takes.
 *
 * @param masks [N, P], 1 where the mask token stands; it gets the patch's position all the same
 * @returns [N, T, D], T = 1 + R + P
 */
export function embedTokens(
  config: Dinov2Config,
  params: Params,
  images: tf.Tensor4D,
  masks: tf.Tensor2D | undefined,
): tf.Tensor3D {
  const grid = patchGrid(config, images);
  return tf.tidy(() => {
    const batch = images.shape[0];
    const embedded = embedPatches(config, params, images);
    const patches = masks ? maskPatches(embedded, masks, params.mask_token!) : embedded;
    const cls = tf.tile(params.cls_token!, [batch, 1, 1]);
    const position = interpolatePosition(params.pos_embed as tf.Tensor3D, grid, config);
    const tokens = tf.add(tf.concat([cls, patches], 1), position) as tf.Tensor3D;
    if (config.registers === 0) return tokens;
    const [, count, width] = tokens.shape;
    const registers = tf.tile(params.register_tokens!, [batch, 1, 1]);
    const first = tf.slice(tokens, [0, 0, 0], [batch, 1, width]);
    const rest = tf.slice(tokens, [0, 1, 0], [batch, count - 1, width]);
    return tf.concat([first, registers, rest], 1) as tf.Tensor3D;
  });
}

function maskPatches(patches: tf.Tensor3D, masks: tf.Tensor2D, maskToken: tf.Tensor): tf.Tensor {
  const [batch, count] = patches.shape;
  if (masks.shape[0] !== batch || masks.shape[1] !== count) {
    throw new GlofError(
      "shape-mismatch",
      `forward: expected masks [${batch}, ${count}], one per patch, got [${masks.shape.join(", ")}]. Match the grid.`,
      { shape: masks.shape },
    );
  }
  const masked = tf.reshape(tf.cast(masks, "float32"), [batch, count, 1]);
  return tf.add(tf.mul(patches, tf.sub(1, masked)), tf.mul(masked, maskToken));
}
