import type { ForwardMode, Model, Params } from "@glof/nn";
import type * as tf from "@tensorflow/tfjs-core";

/** A feature map and the size of one of its cells in input pixels. No decoder assumes a pyramid: strides are stated. */
export interface FeatureMap {
  /** [N, h, w, C] */
  readonly map: tf.Tensor4D;
  /** Input pixels per cell, such as 14 for a ViT/14. */
  readonly stridePx: number;
}

/** What a segmentation decoder is given. */
export interface DecoderInput {
  /** Features from shallow to deep. */
  readonly features: readonly FeatureMap[];
  /** The image itself [N, H, W, C]: decoders with an image stem take fine detail from it; its size is the output's. */
  readonly image: tf.Tensor4D;
}

/** How a decoder runs. */
export interface DecoderMode extends ForwardMode {
  /**
   * Hears of each new buffer (running mean and variance of a batch normalisation) in training; the receiver disposes it
   * and puts it in the place of the parameter of that name for the next step.
   */
  readonly onBuffer?: (name: string, value: tf.Tensor) => void;
}

/** A decoder: a definition, whose weights are an argument. */
export interface Decoder<Config> extends Model<DecoderInput, tf.Tensor4D, Config> {
  /** @returns [N, H, W, K] with H and W of the image, K of the decoder; default mode: inference */
  forward(params: Params, input: DecoderInput, mode?: DecoderMode): tf.Tensor4D;
}
