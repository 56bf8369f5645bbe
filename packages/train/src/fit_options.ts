import type { Loss } from "@glof/losses";
import type { Model, Params } from "@glof/nn";
import type * as tf from "@tensorflow/tfjs-core";
import type { Optimizer } from "./optimizer.js";
import type { Schedule } from "./schedules.js";
import type { BatchSource, TrainEvent, Validator } from "./types.js";

/** Ordered rules on parameter names; the first that matches decides. */
export type TrainableRules = readonly (readonly [pattern: RegExp, what: "train" | "freeze"])[];

/** Options of `fit`. */
export interface FitOptions<Input, Prepared = Input> {
  /** Its `forward` gives the logits that `loss` takes; its `specs` name the parameters for checkpoints. */
  readonly model: Pick<Model<Prepared, tf.Tensor>, "forward" | "specs">;
  /** Weights to start from. Borrowed: `fit` works on copies. */
  readonly params: Params;
  readonly batches: BatchSource<Input>;
  readonly loss: Loss;
  readonly optimizer: Optimizer;
  /** Optimiser steps in all, those of a resumed run included. */
  readonly steps: number;
  /** Default: the optimiser's learning rate throughout. */
  readonly schedule?: Schedule;
  /** Which weights learn. Buffers never do. Default: all weights. */
  readonly rules?: TrainableRules;
  /**
   * Turns the input into what the model takes, off the gradient tape: run a frozen backbone here and nothing of it is
   * held for the backward pass. It gets the frozen parameters.
   */
  readonly prepare?: (frozen: Params, input: Input) => Prepared;
  /** Micro-batches per optimiser step; their gradients are averaged. Bounds the memory. Default 1. */
  readonly accumulate?: number;
  /**
   * Keep no activations inside transformer blocks: each block runs once more in the backward pass. Same gradients, far less
   * memory, about a third more work. What lies below everything that learns holds no activations in any case. Default false.
   */
  readonly checkpointBlocks?: boolean;
  /** Longest global norm of the gradients. Default: no clipping. */
  readonly clipNorm?: number;
  /** Decay of an exponential moving average of the weights, such as 0.999; it is what is validated and kept. */
  readonly ema?: number;
  /** Randomness of the forward pass (drop path and the like). Default 0. */
  readonly seed?: number;
  readonly validate?: Validator;
  /** Validate every so many steps, and after the last. Default: only after the last. */
  readonly validateEvery?: number;
  /** Stop after so many validations without a better IoU. Default: never. */
  readonly patience?: number;
  /** Folder for `best.safetensors` (weights) and `last.safetensors` (all that resuming needs). */
  readonly checkpointDir?: string;
  /** Write `last.safetensors` every so many steps, and at the end. Default: with each validation. */
  readonly checkpointEvery?: number;
  /** A `last.safetensors` to go on from. */
  readonly resumeFrom?: string;
  /** JSON-lines file of all events. A resumed run goes on in the same file. */
  readonly logPath?: string;
  readonly onEvent?: (event: TrainEvent) => void;
  /** Stops after the current step; `last.safetensors` is written first. */
  readonly signal?: AbortSignal;
}
