import type { Checkpoint } from "@glof/checkpoint";
import type * as tf from "@tensorflow/tfjs-core";

/** What `cases.json` says of one tensor. */
export interface GoldenTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly atol?: number;
  readonly rtol?: number;
  /** Whole numbers that must agree exactly. */
  readonly exact?: boolean;
}

/** One golden case as `cases.json` lists it. */
export interface GoldenCase {
  readonly id: string;
  readonly file: string;
  readonly kind: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly inputs: Readonly<Record<string, GoldenTensor>>;
  readonly expected: Readonly<Record<string, GoldenTensor>>;
  /** The original code rejects this input: ours must reject it too, or give a defined finite result. */
  readonly reference_raises?: string;
  /** Gradients depend on how a sort orders equal values and are not compared. */
  readonly grad_tie_sensitive?: boolean;
}

/** What a runner works with. Tensors that it makes are disposed after the case. */
export interface CaseContext {
  readonly golden: GoldenCase;
  /** Folder of the fixtures, for cases that name files of their own. */
  readonly fixturesFolder: string;
  /** Folder of the group, with its `cases.json`. */
  readonly groupFolder: string;
  /** All of `cases.json` but the cases, such as `models` of group dinov2. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** The case's own file; PyTorch layouts. */
  readonly file: Checkpoint;
  /** Inputs and parameters of the case (`in.*`, `p.*`), read; PyTorch layouts. */
  has(name: string): boolean;
  values(name: string): Float32Array;
  shape(name: string): readonly number[];
  /** As a tensor in the layout of the file. */
  tensor(name: string): tf.Tensor;
  /** A 4-D input brought from NCHW to NHWC. */
  image(name: string): tf.Tensor4D;
}

/** A result: a tensor in PyTorch's layout, or plain numbers. */
export type Got = tf.Tensor | ArrayLike<number> | number;

/**
 * Computes a case through the public API.
 *
 * @returns results under the names of `expected` (`out.*`, `grad.*`); more names than expected are ignored, fewer fail
 */
export type CaseRunner = (
  context: CaseContext,
) => Promise<Readonly<Record<string, Got>>> | Readonly<Record<string, Got>>;

/** Something of the fixtures that no user of ours needs: printed as `not offered`, never as passed. */
export interface NotOffered {
  readonly kind: string;
  /** Which cases of the kind, by their options; all of them when absent. */
  readonly applies?: (golden: GoldenCase) => boolean;
  /** Which outputs of those cases; the whole case when absent. */
  readonly outputs?: RegExp;
  readonly reason: string;
}

/** A check of something that lies beside `cases.json`, such as checkpoints with their hashes. */
export interface SideCheck {
  readonly id: string;
  readonly kind: string;
  /** Throws, saying what is wrong. */
  run(): Promise<void>;
}

/** What `groups/<group>.ts` exports as `group`. */
export interface GroupRunners {
  /** One per `kind`. */
  readonly runners: Readonly<Record<string, CaseRunner>>;
  readonly notOffered?: readonly NotOffered[];
  /** Further checks of the group's folder. */
  readonly sideChecks?: (groupFolder: string) => Promise<readonly SideCheck[]>;
}
