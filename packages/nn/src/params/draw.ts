import type { Rng } from "@glof/core";
import type { ParamSpec } from "../types.js";

/**
 * Fresh values of one parameter, in the file's layout.
 *
 * Fans as `torch.nn.init` counts them: fan-in = shape[1] x receptive field, fan-out = shape[0] x receptive field.
 * - truncated-normal: normal(0, std) cut at -2 and 2 (absolute), as `trunc_normal_`
 * - kaiming-normal: std = sqrt(2 / fan-in) (He et al. 2015), as `kaiming_normal_` for ReLU
 * - xavier-uniform: bound = sqrt(6 / (fan-in + fan-out)) (Glorot and Bengio 2010)
 */
export function drawParam(spec: ParamSpec, rng: Rng): Float32Array {
  const { init, shape } = spec;
  const size = shape.reduce((a, b) => a * b, 1);
  switch (init.kind) {
    case "zeros":
      return new Float32Array(size);
    case "ones":
      return new Float32Array(size).fill(1);
    case "constant":
      return new Float32Array(size).fill(init.value);
    case "normal":
      return Float32Array.from({ length: size }, () => rng.normal() * init.std);
    case "truncated-normal":
      return Float32Array.from({ length: size }, () => truncatedNormal(rng, init.std));
    case "kaiming-normal": {
      const std = Math.sqrt(2 / fanIn(shape));
      return Float32Array.from({ length: size }, () => rng.normal() * std);
    }
    case "xavier-uniform": {
      const bound = Math.sqrt(6 / (fanIn(shape) + fanOut(shape)));
      return Float32Array.from({ length: size }, () => rng.uniform(-bound, bound));
    }
  }
}

function truncatedNormal(rng: Rng, std: number): number {
  for (;;) {
    const value = rng.normal() * std;
    if (Math.abs(value) <= 2) return value;
  }
}

const receptiveField = (shape: readonly number[]): number => shape.slice(2).reduce((a, b) => a * b, 1);
const fanIn = (shape: readonly number[]): number => (shape[1] ?? shape[0] ?? 1) * receptiveField(shape);
const fanOut = (shape: readonly number[]): number => (shape[0] ?? 1) * receptiveField(shape);
