import type { Params } from "@glof/nn";
import type * as tf from "@tensorflow/tfjs-core";

/** What a model trains on at once. `fit` disposes both parts. */
export interface TrainBatch<Input> {
  readonly input: Input;
  readonly target: tf.Tensor;
}

/** Which batch is asked for. */
export interface BatchIndex {
  /** Number of the optimiser step, from 0. */
  readonly step: number;
  /** Number of the micro-batch within the step, from 0. */
  readonly micro: number;
}

/** Gives batches. It must depend on nothing but the index, or a resumed run will differ from an uninterrupted one. */
export type BatchSource<Input> = (at: BatchIndex) => TrainBatch<Input> | Promise<TrainBatch<Input>>;

/** What a validation found. `fit` keeps the weights with the highest `iou`. */
export interface Validation {
  readonly iou: number;
  readonly f1: number;
  readonly precision: number;
  readonly recall: number;
  readonly accuracy: number;
  /** Mean loss over the windows, where the validator knows the loss. */
  readonly loss?: number;
  /** The same by group of chips. */
  readonly groups?: Readonly<Record<string, Validation>>;
}

/** Scores weights. It borrows them. */
export type Validator = (params: Params, options: { readonly signal?: AbortSignal }) => Promise<Validation>;

/** Best validation so far. */
export interface BestSoFar {
  readonly step: number;
  readonly iou: number;
}

/** What `fit` reports. Plain data but for the params of `end`. */
export type TrainEvent =
  | {
      readonly kind: "start";
      /** Steps already done by the run that this one resumes. */
      readonly step: number;
      readonly steps: number;
      readonly trainable: number;
      readonly frozen: number;
    }
  | {
      readonly kind: "step";
      /** Steps done, this one included. */
      readonly step: number;
      readonly loss: number;
      readonly lr: number;
      /** Norm of all gradients before clipping; absent without clipping. */
      readonly gradNorm?: number;
      readonly ms: number;
    }
  | {
      readonly kind: "validation";
      readonly step: number;
      readonly validation: Validation;
      readonly isBest: boolean;
      readonly ms: number;
    }
  | {
      readonly kind: "checkpoint";
      readonly step: number;
      readonly which: "best" | "last";
      readonly path: string;
    }
  | {
      readonly kind: "end";
      readonly step: number;
      readonly reason: "finished" | "early-stop";
      readonly best?: BestSoFar;
      /** The best weights, or the last ones where nothing was validated. The receiver disposes them. */
      readonly params: Params;
    };
