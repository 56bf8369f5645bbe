import type { TensorInfo } from "@tensorflow/tfjs-core";
import { dispatch, isHardware, type ShaderInput } from "./dispatch.js";
import { type ProductVariant, productCode, variantKey } from "./product_shader.js";
import type { ShaderBackend } from "./shader.js";

/** A product of matrices and what follows it: y = residual + scale * activation(A B + bias). */
export interface Product {
  /** [batch, M, K], or [batch, K, M] when transposed; batch 1 is used for every product. */
  readonly a: TensorInfo;
  /** [batch, K, N], or [batch, N, K] when transposed. */
  readonly b: TensorInfo;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** [N] */
  readonly bias?: TensorInfo | undefined;
  readonly activation?: "none" | "gelu";
  /** [N] */
  readonly scale?: TensorInfo | undefined;
  /** [batch, M, N] */
  readonly residual?: TensorInfo | undefined;
}

/** Groups that keep a large GPU busy: with fewer of the large tiles, more of the small ones are better. */
const busyGroups = 128;

/** Queues a product; the result [batch, M, N] belongs to the caller. */
export function runProduct(backend: ShaderBackend, product: Product): TensorInfo {
  const { transposeA = false, transposeB = false, activation = "none" } = product;
  const { bias, scale, residual } = product;
  const [batchA, rowsA, colsA] = product.a.shape as [number, number, number];
  const [batchB, rowsB, colsB] = product.b.shape as [number, number, number];
  const [m, k] = transposeA ? [colsA, rowsA] : [rowsA, colsA];
  const n = transposeB ? rowsB : colsB;
  const batch = Math.max(batchA, batchB);
  const variant: ProductVariant = {
    tile: chooseTile(m, n, batch),
    transposeA,
    transposeB,
    vectorM: transposeA && m % 4 === 0,
    vectorN: n % 4 === 0,
    bias: bias !== undefined,
    activation,
    scale: scale !== undefined,
    residual: residual !== undefined,
    unroll: isHardware(backend),
  };
  const element = variant.vectorN ? "vec4<f32>" : "f32";
  const extra = Object.entries({ bias, scale, residual }).flatMap(([name, tensor]): ShaderInput[] =>
    tensor ? [{ name, element, tensor }] : [],
  );
  const [y] = dispatch(backend, {
    key: variantKey(variant),
    outputs: [{ name: "y", element, into: [batch, m, n] }],
    inputs: [
      { name: "a", element: variant.vectorM ? "vec4<f32>" : "f32", tensor: product.a },
      { name: "b", element: !transposeB && variant.vectorN ? "vec4<f32>" : "f32", tensor: product.b },
      ...extra,
    ],
    uniforms: [
      ["M", "i32", m],
      ["N", "i32", n],
      ["K", "i32", k],
      ["strideA", "i32", batchA === 1 ? 0 : m * k],
      ["strideB", "i32", batchB === 1 ? 0 : k * n],
    ],
    code: () => productCode(variant),
    groups: [Math.ceil(n / variant.tile), Math.ceil(m / variant.tile), batch],
  });
  return y!;
}

function chooseTile(m: number, n: number, batch: number): 64 | 128 {
  const large = Math.ceil(m / 128) * Math.ceil(n / 128) * batch;
  return large >= busyGroups && m > 64 && n > 64 ? 128 : 64;
}
