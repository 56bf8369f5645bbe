import type { Checkpoint } from "@glof/checkpoint";
import type { Logger } from "@glof/core";
import type { ForwardMode, LoadOptions, Model, Params } from "@glof/nn";
import type * as tf from "@tensorflow/tfjs-core";
import type { Dinov2Config } from "./config.js";

/** What `forward` gives. The caller disposes each. */
export interface Dinov2Features {
  /** After the final norm. [N, D] */
  readonly clsToken: tf.Tensor2D;
  /** After the final norm. [N, R, D], R = 0 without registers. */
  readonly registerTokens: tf.Tensor3D;
  /** After the final norm, row by row over the patch grid. [N, P, D] */
  readonly patchTokens: tf.Tensor3D;
  /** All tokens (cls, registers, patches) before the final norm. [N, T, D] */
  readonly prenorm: tf.Tensor3D;
}

/** One intermediate layer, as `intermediates` gives it. */
export interface IntermediateFeatures {
  /** 0-based block. */
  readonly layer: number;
  /** [N, h, w, D] when `reshape`, else [N, P, D]. */
  readonly patches: tf.Tensor4D | tf.Tensor3D;
  /** [N, D] */
  readonly clsToken: tf.Tensor2D;
  /** [N, R, D], only where the option `registers` asks for them. */
  readonly registerTokens?: tf.Tensor3D;
}

/** Options of `Dinov2Model.forward`. */
export interface Dinov2ForwardOptions {
  /** [N, P], 1 (or true) where a patch is replaced by the mask token. */
  readonly masks?: tf.Tensor2D;
}

/** Options of `Dinov2Model.intermediates`. */
export interface IntermediatesOptions extends Dinov2ForwardOptions {
  /** Apply the model's final norm to each layer. Default true. */
  readonly norm?: boolean;
  /** Give patches as maps [N, h, w, D]. Default true. */
  readonly reshape?: boolean;
  /** Give the register tokens of each layer too. Default false. */
  readonly registers?: boolean;
  /** Default: inference. */
  readonly mode?: ForwardMode;
}

/** Options of `Dinov2Model.load`. */
export interface Dinov2LoadOptions extends LoadOptions {
  /**
   * Bands of the checkpoint's patch embedding, in its order. Default: the checkpoint's metadata `bands`, else the model's
   * own when it was saved by this package, else red, green, blue for three channels, else the model's own.
   */
  readonly fileBands?: readonly string[];
  /** Hears of doubtful choices. Default: silent. */
  readonly logger?: Logger;
}

/** A DINOv2 vision transformer: a definition, whose weights are an argument. */
export interface Dinov2Model extends Model<tf.Tensor4D, Dinov2Features, Dinov2Config> {
  load(checkpoint: Checkpoint, options?: Dinov2LoadOptions): Promise<Params>;
  /**
   * @param images [N, H, W, C], H and W multiples of the patch, channels in the order of `config.bands`, normalised
   */
  forward(
    params: Params,
    images: tf.Tensor4D,
    mode?: ForwardMode,
    options?: Dinov2ForwardOptions,
  ): Dinov2Features;
  /**
   * Features of several blocks, from shallow to deep, as the original's `get_intermediate_layers`. Blocks behind the last
   * wanted one are not run.
   *
   * @param layers the last n blocks, or 0-based block numbers (their order does not matter)
   */
  intermediates(
    params: Params,
    images: tf.Tensor4D,
    layers: number | readonly number[],
    options?: IntermediatesOptions,
  ): IntermediateFeatures[];
}
