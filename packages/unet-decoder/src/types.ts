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
