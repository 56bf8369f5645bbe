import { finishPairCode } from "./gated_pairs.js";
import { normalCdf } from "./gelu.js";
import { storeStatement } from "./half_storage.js";

/**
 * What follows a product before its results are stored, while they are still in registers: a bias, a batch norm, an
 * activation, LayerScale and a residual, each of which would be a pass over device memory of its own (8 bytes a number; 12 for
 * the residual).
 */

/** Activations that a product applies; `gatedSilu` makes one column of two, see `gated_pairs.ts`. */
export type EpilogueActivation = "none" | "gelu" | "relu" | "gatedSilu";

/** What is done after a product: y = residual + scale * activation(norm(product + bias)); with `gatedSilu` there is a bias only. */
export interface Epilogue {
  /** Buffers hold vectors of four columns. */
  readonly vectorN: boolean;
  /** One number per column. */
  readonly bias: boolean;
  /** (value - mean) / sqrt(variance + epsilon) * weight + shift, each one per column; the uniform `epsilon`. */
  readonly norm: boolean;
  readonly activation: EpilogueActivation;
  /** One number per column. */
  readonly scale: boolean;
  /** As large as the result. */
  readonly residual: boolean;
  /** The result is kept as halves; with `vectorN` only. */
  readonly halfY: boolean;
}

/** Whether gates and values stand side by side in the product, half of its columns each. */
export function isGated({ activation }: Pick<Epilogue, "activation">): boolean {
  return activation === "gatedSilu";
}

/** Columns of the result of a product of `n` columns. */
export function resultColumns(n: number, end: Pick<Epilogue, "activation">): number {
  return isGated(end) ? n / 2 : n;
}

/**
 * WGSL: `finish(start, row, col, product)` adds what belongs after the product and stores four columns of a row into `y`;
 * `start` is where the result's matrix begins. A gated product has `finishPair` instead.
 */
export function finishCode(epilogue: Epilogue): string {
  const { vectorN, bias, halfY } = epilogue;
  if (isGated(epilogue)) {
    return finishPairCode(vectorN, bias, (value) => storeStatement("y", "at", value, halfY));
  }
  const type = epilogue.vectorN ? "vec4<f32>" : "f32";
  const store = `
${epilogue.activation === "gelu" ? normalCdf(type) : ""}
fn finishAt(at : i32, column : i32, product : ${type}) {
  var value = product;
  ${stepsOf(epilogue, type).join("\n  ")}
  ${storeStatement("y", "at", "value", epilogue.halfY)}
}`;
  return `${store}\n${epilogue.vectorN ? vectorFinish : singleFinish}`;
}

/** Lines that make the result of `value`, at the place `at` of the column `column`. */
function stepsOf({ bias, norm, activation, scale, residual }: Epilogue, type: string): string[] {
  const lines = [
    bias && "value = value + bias[column];",
    norm &&
      "value = (value - mean[column]) * inverseSqrt(variance[column] + uniforms.epsilon) * weight[column] + shift[column];",
    activation === "gelu" && "value = value * normalCdf(value);",
    // NaN stays NaN, which max() does not promise.
    activation === "relu" && `value = select(value, ${type}(), value < ${type}());`,
    scale && "value = value * scale[column];",
    residual && "value = value + residual[at];",
  ];
  return lines.filter((line) => line !== false);
}

const vectorFinish = `
fn finish(start : i32, row : i32, col : i32, product : vec4<f32>) {
  if (row >= uniforms.M || col >= uniforms.N) { return; }
  finishAt((start + row * uniforms.N + col) / 4, col / 4, product);
}
`;

const singleFinish = `
fn finish(start : i32, row : i32, col : i32, product : vec4<f32>) {
  if (row >= uniforms.M) { return; }
  let first = start + row * uniforms.N + col;
  ${[0, 1, 2, 3]
    .map((i) => `if (col + ${i} < uniforms.N) { finishAt(first + ${i}, col + ${i}, product.${"xyzw"[i]}); }`)
    .join("\n  ")}
}
`;
