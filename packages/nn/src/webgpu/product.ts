import type { TensorInfo } from "@tensorflow/tfjs-core";
import { dispatch, isHardware, type ShaderInput, type UniformValue, workgroupBytes } from "./dispatch.js";
import type { EpilogueActivation } from "./epilogue.js";
import { areMatrixUnitsInUse, matrixUnitExtensions } from "./half_precision.js";
import { elementOfBuffer, holdsHalves } from "./half_storage.js";
import { matrixUnitCode, matrixUnitDepth, matrixUnitTile } from "./matrix_unit_shader.js";
import type { OperandKind } from "./operand_loader.js";
import { type ProductVariant, productCode, variantKey, vectorB } from "./product_shader.js";
import type { ShaderBackend } from "./shader.js";

/** Batch normalisation by running statistics, all [N]. */
export interface ProductNorm {
  readonly mean: TensorInfo;
  readonly variance: TensorInfo;
  readonly weight: TensorInfo;
  readonly shift: TensorInfo;
  readonly epsilon: number;
}

/** A product of matrices and what follows it: y = residual + scale * activation(norm(A B + bias)). */
export interface Product {
  /** [batch, M, K], or [batch, K, M] when transposed; batch 1 is used for every product. */
  readonly a: TensorInfo;
  /** [batch, K, N], or [batch, N, K] when transposed. */
  readonly b: TensorInfo;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** [N] */
  readonly bias?: TensorInfo | undefined;
  readonly norm?: ProductNorm | undefined;
  readonly activation?: EpilogueActivation;
  /** [N] */
  readonly scale?: TensorInfo | undefined;
  /** [batch, M, N] */
  readonly residual?: TensorInfo | undefined;
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
  /** Parts of the sum over K, each a result of its own. Default 1. */
  readonly splits?: number;
  /** Sizes that the operand's kind reads by. Default none. */
  readonly sizes?: readonly UniformValue[];
}

/** Groups that keep a large GPU busy: with fewer of the large tiles, more of the small ones are better. */
const busyGroups = 128;

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

/** Queues a product of gathered operands; the result [batch or splits, M, N] belongs to the caller. */
export function runGathered(backend: ShaderBackend, product: GatheredProduct): TensorInfo {
  const { m, n, k, kindA, kindB, bias, scale, residual } = product;
  const { batch = 1, splits = 1, strideA = 0, strideB = 0, sizes = [] } = product;
  const half = product.half === true && areMatrixUnitsInUse();
  const variant: ProductVariant = {
    tile: half ? matrixUnitTile : chooseTile(m, n, batch * splits),
    a: kindA,
    b: kindB,
    halfA: holdsHalves(backend, product.a),
    halfB: holdsHalves(backend, product.b),
    vectorM: kindA === "outer" && m % 4 === 0,
    vectorN: n % 4 === 0,
    split: splits > 1,
    bias: bias !== undefined,
    norm: product.norm !== undefined,
    activation: product.activation ?? "none",
    scale: scale !== undefined,
    residual: residual !== undefined,
    halfY: product.compact === true && n % 4 === 0,
    unroll: isHardware(backend),
  };
  const element = variant.vectorN ? "vec4<f32>" : "f32";
  const { epsilon, ...moments } = product.norm ?? {};
  const extra = Object.entries({ bias, ...moments, scale, residual }).flatMap(
    ([name, tensor]): ShaderInput[] => (tensor ? [{ name, element, tensor }] : []),
  );
  const [y] = dispatch(backend, {
    key: half ? `half_${variantKey(variant)}` : variantKey(variant),
    extensions: half ? matrixUnitExtensions : [],
    outputs: [{ name: "y", element: variant.halfY ? "vec2<u32>" : element, into: [batch * splits, m, n] }],
    inputs: [
      { name: "a", element: elementOfBuffer(variant.halfA, variant.vectorM), tensor: product.a },
      { name: "b", element: elementOfBuffer(variant.halfB, vectorB(variant)), tensor: product.b },
      ...extra,
    ],
    uniforms: [
      ["M", "i32", m],
      ["N", "i32", n],
      ["K", "i32", k],
      ["strideA", "i32", strideA],
      ["strideB", "i32", strideB],
      ["perSplit", "i32", Math.ceil(k / splits)],
      ...(epsilon === undefined ? [] : [["epsilon", "f32", epsilon] as const]),
      ...sizes,
    ],
    code: () =>
      half ? matrixUnitCode(variant, matrixUnitDepth(workgroupBytes(backend))) : productCode(variant),
    groups: [Math.ceil(n / variant.tile), Math.ceil(m / variant.tile), batch * splits],
  });
  return y!;
}

function chooseTile(m: number, n: number, batch: number): 64 | 128 {
  const large = Math.ceil(m / 128) * Math.ceil(n / 128) * batch;
  return large >= busyGroups && m > 64 && n > 64 ? 128 : 64;
}
