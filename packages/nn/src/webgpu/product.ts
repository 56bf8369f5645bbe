import type { TensorInfo } from "@tensorflow/tfjs-core";
import { type Dispatch, dispatch, type ShaderInput, type UniformValue } from "./dispatch.js";
import { type EpilogueActivation, resultColumns } from "./epilogue.js";
import { foldedGroups } from "./folded_groups.js";
import { matrixUnitsInUse } from "./half_precision.js";
import { elementOfBuffer, holdsHalves } from "./half_storage.js";
import type { OperandKind } from "./operand_loader.js";
import { productForms } from "./product_choice.js";
import { followingOf, type ProductEnd } from "./product_end.js";
import { type ProductForm, shaderOf } from "./product_form.js";
import type { ProductProblem } from "./product_problem.js";
import { partsProblem, sumOfParts } from "./product_splits.js";
import type { ShaderBackend } from "./shader.js";

/**
 * A product of matrices and what follows it: y = residual + scale * activation(norm(A B + bias)). With `gatedSilu` B is not
 * transposed, and the result has half its columns.
 */
export interface Product extends ProductEnd {
  /** [batch, M, K], or [batch, K, M] when transposed; batch 1 is used for every product. */
  readonly a: TensorInfo;
  /** [batch, K, N], or [batch, N, K] when transposed. */
  readonly b: TensorInfo;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  readonly activation?: EpilogueActivation;
  /** Round the operands to half precision where matrix units are in use. Default false. */
  readonly half?: boolean;
  /** Keep the result as halves where its rows divide by four. Default false. */
  readonly compact?: boolean;
}

/** A product whose operands may be read as a convolution reads them. */
export interface GatheredProduct extends Omit<Product, "transposeA" | "transposeB"> {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly kindA: OperandKind;
  readonly kindB: OperandKind;
  /** Products in one go. Default 1. */
  readonly batch?: number;
  /** Numbers between the operands of two products. Default 0: all use the same. */
  readonly strideA?: number;
  readonly strideB?: number;
  /** Sizes that the operand's kind reads by. Default none. */
  readonly sizes?: readonly UniformValue[];
}

/** Queues a product; the result [batch, M, N] belongs to the caller. */
export function runProduct(backend: ShaderBackend, product: Product): TensorInfo {
  const { transposeA = false, transposeB = false } = product;
  const [batchA, rowsA, colsA] = product.a.shape as [number, number, number];
  const [batchB, rowsB, colsB] = product.b.shape as [number, number, number];
  const [m, k] = transposeA ? [colsA, rowsA] : [rowsA, colsA];
  const n = transposeB ? rowsB : colsB;
  return runGathered(backend, {
    ...product,
    m,
    n,
    k,
    kindA: transposeA ? "outer" : "deep",
    kindB: transposeB ? "deep" : "outer",
    batch: Math.max(batchA, batchB),
    strideA: batchA === 1 ? 0 : m * k,
    strideB: batchB === 1 ? 0 : k * n,
  });
}

/** Queues a product of gathered operands; the result [batch, M, N] belongs to the caller. */
export function runGathered(backend: ShaderBackend, product: GatheredProduct): TensorInfo {
  const problem = problemOf(backend, product);
  return runPasses(backend, productPasses(backend, product, problem, productForms.choose(backend, problem)));
}

/** Queues the passes of a form; the result belongs to the caller. */
export function runPasses(backend: ShaderBackend, { first, sum }: FormPasses): TensorInfo {
  const [parts] = dispatch(backend, first);
  if (sum === undefined) return parts!;
  const [y] = dispatch(backend, sum(parts!));
  backend.disposeData(parts!.dataId);
  return y!;
}

/** What a product's speed depends on. */
export function problemOf(backend: ShaderBackend, product: GatheredProduct): ProductProblem {
  const { m, n, k, kindA, kindB, batch = 1, strideA = 0, strideB = 0, sizes = [] } = product;
  const { activation = "none" } = product;
  const vectorN = resultColumns(n, { activation }) % 4 === 0;
  return {
    ...{ m, n, k, batch, strideA, strideB, kindA, kindB, sizes },
    numbersA: numbersIn(product.a),
    numbersB: numbersIn(product.b),
    halfA: holdsHalves(backend, product.a),
    halfB: holdsHalves(backend, product.b),
    end: {
      vectorN,
      bias: product.bias !== undefined,
      norm: product.norm !== undefined,
      activation,
      scale: product.scale !== undefined,
      residual: product.residual !== undefined,
      halfY: product.compact === true && vectorN,
    },
    half: product.half === true && matrixUnitsInUse() !== undefined,
  };
}

function numbersIn({ shape }: TensorInfo): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** The passes of a form: one, or one that makes parts of the result and one that adds them. */
export interface FormPasses {
  readonly first: Dispatch;
  readonly sum?: (parts: TensorInfo) => Dispatch;
}

/** The passes that compute a product in a form. */
export function productPasses(
  backend: ShaderBackend,
  product: GatheredProduct,
  problem: ProductProblem,
  form: ProductForm,
): FormPasses {
  const { a, b, bias, norm, scale, residual } = product;
  if ((form.splits ?? 1) === 1) return { first: productPass(backend, product, problem, form) };
  return {
    first: productPass(backend, { a, b }, partsProblem(problem), form),
    sum: (parts) => sumOfParts(problem, parts, { bias, norm, scale, residual }),
  };
}

function productPass(
  backend: ShaderBackend,
  { a, b, ...after }: Pick<GatheredProduct, "a" | "b"> & ProductEnd,
  problem: ProductProblem,
  form: ProductForm,
): Dispatch {
  const { m, n, k, batch, strideA, strideB, sizes, end } = problem;
  const { splits = 1 } = form;
  const shader = shaderOf(backend, problem, form);
  const rowTiles = Math.ceil(m / shader.rows);
  const element = end.vectorN ? "vec4<f32>" : "f32";
  const { tensors, uniforms } = followingOf(after);
  const following = tensors.map(([name, tensor]): ShaderInput => ({ name, element, tensor }));
  return {
    key: shader.key,
    extensions: shader.extensions,
    outputs: [
      {
        name: "y",
        element: end.halfY ? "vec2<u32>" : element,
        into: [batch * splits, m, resultColumns(n, end)],
      },
    ],
    inputs: [
      { name: "a", element: elementOfBuffer(problem.halfA, shader.vectorA), tensor: a },
      { name: "b", element: elementOfBuffer(problem.halfB, shader.vectorB), tensor: b },
      ...following,
    ],
    uniforms: [
      ["M", "i32", m],
      ["N", "i32", n],
      ["K", "i32", k],
      ["strideA", "i32", strideA],
      ["strideB", "i32", strideB],
      ["perSplit", "i32", Math.ceil(k / splits)],
      ["rowTiles", "i32", rowTiles],
      ["turns", "i32", batch * splits],
      ...uniforms,
      ...sizes,
    ],
    code: shader.code,
    groups: foldedGroups(Math.ceil(n / shader.cols), rowTiles * batch * splits),
  };
}
