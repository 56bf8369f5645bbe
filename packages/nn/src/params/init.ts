import { seededRng } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import type { ParamSpec, Params } from "../types.js";
import { drawParam } from "./draw.js";
import { toMemoryLayout, toMemoryShape } from "./layout.js";

/**
 * Fresh weights for a model's table. Same specs and seed, same values on every machine; a parameter's values depend on
 * its name and the seed only, not on its neighbours. The caller disposes them.
 */
export function initParams(specs: readonly ParamSpec[], seed: number): Params {
  const rng = seededRng(seed);
  return Object.fromEntries(specs.map((spec) => [spec.name, initParam(spec, rng.split(spec.name))]));
}

/** One fresh parameter in memory layout. */
export function initParam(spec: ParamSpec, rng: ReturnType<typeof seededRng>): tf.Tensor {
  return toParamTensor(drawParam(spec, rng), spec);
}

/** A tensor in memory layout from values in the file's layout. It outlives any surrounding tidy. */
export function toParamTensor(fileValues: Float32Array, spec: ParamSpec): tf.Tensor {
  const values = toMemoryLayout(fileValues, spec.shape, spec.layout);
  return tf.keep(tf.tensor(values, toMemoryShape(spec.shape, spec.layout), "float32"));
}
