import type { Checkpoint } from "@glof/checkpoint";
import type * as tf from "@tensorflow/tfjs-core";

/** Weights of a model: flat, named as in the official checkpoints (`blocks.0.attn.qkv.weight`), never mutated. */
export type Params = Readonly<Record<string, tf.Tensor>>;

/**
 * How a tensor of a PyTorch file lies in memory here.
 * - `as-is`: same shape
 * - `linear`: file [out, in], memory [in, out]
 * - `conv2d`: file OIHW, memory HWIO
 * - `conv-transpose2d`: file IOHW, memory HWOI (what `tf.conv2dTranspose` takes)
 */
export type Layout = "as-is" | "linear" | "conv2d" | "conv-transpose2d";

/** How a fresh parameter is drawn. Fans follow PyTorch's definitions. */
export type Init =
  | { readonly kind: "zeros" }
  | { readonly kind: "ones" }
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "normal"; readonly std: number }
  | { readonly kind: "truncated-normal"; readonly std: number }
  | { readonly kind: "kaiming-normal" }
  | { readonly kind: "xavier-uniform" };

/** One row of a model's table: drives init, shape checks, strict loading, key conversion, counts and docs. */
export interface ParamSpec {
  /** Official name. */
  readonly name: string;
  /** Shape in the file (PyTorch's layout). */
  readonly shape: readonly number[];
  /** `buffer`: state that no gradient reaches, such as running means. */
  readonly kind: "weight" | "buffer";
  readonly layout: Layout;
  readonly init: Init;
}

/** Whether a forward pass trains (drop path, batch statistics) and the seed of its randomness. */
export interface ForwardMode {
  readonly training: boolean;
  readonly seed: number;
  /**
   * Keep only the input of each block of a transformer for the backward pass and run the block again there (see
   * `checkpoint`): the same gradients in a fraction of the memory, for about a third more work. Default false.
   */
  readonly checkpointBlocks?: boolean;
  /**
   * Receives the new value of each buffer (running statistics) under its official name, once per training pass. The
   * receiver disposes it; it outlives any tidy.
   */
  readonly onBuffer?: (name: string, value: tf.Tensor) => void;
}

/** What a strict load found. */
export interface LoadReport {
  readonly loaded: readonly string[];
  /** Named by the model, absent from the file. */
  readonly missing: readonly string[];
  /** In the file, unknown to the model. */
  readonly unused: readonly string[];
  readonly misshaped: readonly { name: string; expected: readonly number[]; got: readonly number[] }[];
}

/** Options of `Model.load`. Without them any missing, unused or mis-shaped name is a `parameter-mismatch`. */
export interface LoadOptions {
  /** Names the file may lack: they are drawn from the spec's `init` with `seed`. */
  readonly allowMissing?: readonly RegExp[];
  /** Names of the file to ignore. */
  readonly allowUnused?: readonly RegExp[];
  /** Seed of what is missing. Default 0. */
  readonly seed?: number;
  /** Receives the report on success too. */
  readonly onReport?: (report: LoadReport) => void;
  readonly signal?: AbortSignal;
}

/** A model is a definition: building it touches no tensor. Weights are an argument. */
export interface Model<Input, Output, Config = unknown> {
  readonly config: Config;
  readonly specs: readonly ParamSpec[];
  /** Fresh weights; the caller disposes them. */
  init(seed: number): Params;
  /** Strict load; the caller disposes the result. */
  load(checkpoint: Checkpoint, options?: LoadOptions): Promise<Params>;
  /** Borrows params and input, hands the output to the caller. Default mode: inference. */
  forward(params: Params, input: Input, mode?: ForwardMode): Output;
}
