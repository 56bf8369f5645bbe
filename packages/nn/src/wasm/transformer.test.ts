import { expectClose, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { randomValues, startWasm } from "./testing/test_backend.js";

beforeAll(() => startWasm());

function run(
  name: string,
  inputs: Record<string, tf.Tensor>,
  attrs: Record<string, unknown> = {},
): tf.Tensor[] {
  const out = tf.engine().runKernel(name, inputs, attrs as tf.NamedAttrMap) as tf.Tensor | tf.Tensor[];
  return Array.isArray(out) ? out : [out];
}

/** Normal distribution function by its Taylor series around 0, or by a continued fraction of the tail beyond 3. */
function normalCdf(x: number): number {
  const z = Math.abs(x);
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  let tail: number;
  if (z < 3) {
    let [term, sum] = [z, z];
    for (let n = 1; n < 80; n++) {
      term *= (z * z) / (2 * n + 1);
      sum += term;
    }
    tail = 0.5 - density * sum;
  } else {
    let fraction = z;
    for (let n = 60; n >= 1; n--) fraction = z + n / fraction;
    tail = density / fraction;
  }
  return x < 0 ? tail : 1 - tail;
}

const density = (x: number) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

describe("GELU on wasm", () => {
  const x = Float32Array.from({ length: 4003 }, (_, i) => (i - 2001) / 200);

  it("is x Phi(x), to a few units of the last place also far left", async () => {
    const [y] = run("GlofGelu", { x: tf.tensor1d(x) });
    const want = Array.from(x, (v) => v * normalCdf(v));
    await expectClose(y!, want, { atol: 1e-37, rtol: 8e-7 });
  });

  it("has the slope Phi(x) + x phi(x)", async () => {
    const dy = randomValues([x.length], 1);
    const [dx] = run("GlofGeluGrad", { x: tf.tensor1d(x), dy: tf.tensor1d(dy) });
    const want = Array.from(x, (v, i) => dy[i]! * (normalCdf(v) + v * density(v)));
    await expectClose(dx!, want, { atol: 5e-7, rtol: 1e-6 });
  });

  it("passes infinity and NaN on as the formula does", async () => {
    const [y] = run("GlofGelu", { x: tf.tensor1d([Infinity, Number.NaN, 1e30, -1e30, 0]) });
    await expectClose(y!, [Infinity, Number.NaN, 1e30, 0, 0]);
  });
});

describe("GlofLinear on wasm", () => {
  it.each(["none", "gelu"])("is x w + b, then %s", async (activation) => {
    const x = tf.tensor2d(randomValues([7, 5], 1), [7, 5]);
    const w = tf.tensor2d(randomValues([5, 9], 2), [5, 9]);
    const b = tf.tensor1d(randomValues([9], 3));
    const z = await tf.add(tf.matMul(x, w), b).data();
    const want = Array.from(z, (v) => (activation === "gelu" ? v * normalCdf(v) : v));
    await expectClose(run("GlofLinear", { x, w, b }, { activation })[0]!, want);
    await expectClose(run("GlofLinear", { x, w }, { activation: "none" })[0]!, tf.matMul(x, w));
  });
});

describe("LayerNorm on wasm", () => {
  it.each([1, 3, 4, 7, 16, 61, 192])("equals plain loops, forward and backward, width %i", async (width) => {
    const rows = 6;
    const epsilon = 1e-6;
    const [x, dy] = [randomValues([rows, width], 1), randomValues([rows, width], 2)];
    const [gamma, beta] = [randomValues([width], 3), randomValues([width], 4)];
    const want = referenceLayerNorm({ x, dy, gamma, beta, rows, width, epsilon });
    const given = { x: tf.tensor2d(x, [rows, width]), gamma: tf.tensor1d(gamma) };
    const [y] = run("GlofLayerNorm", { ...given, beta: tf.tensor1d(beta) }, { epsilon });
    await expectClose(y!, want.y);
    const [dx, dGamma, dBeta] = run(
      "GlofLayerNormGrad",
      { ...given, dy: tf.tensor2d(dy, [rows, width]) },
      { epsilon },
    );
    // One element alone has no spread: 1 / sqrt(epsilon) = 1000 magnifies rounding.
    const tolerance = { atol: width === 1 ? 1e-3 : 1e-5, rtol: 1e-4 };
    await expectClose(dx!, want.dx, tolerance);
    await expectClose(dGamma!, want.dGamma, tolerance);
    await expectClose(dBeta!, want.dBeta);
  });
});

describe("attention on wasm", () => {
  it.each([
    [2, 5, 5, 4],
    [3, 1, 9, 3],
    [1, 100, 37, 8],
    [2, 130, 300, 6],
    [1, 7, 5, 300],
  ])(
    "equals the composition, forward and backward: %i heads, %i queries, %i keys, width %i",
    async (...sizes) => {
      const [batch, queries, keys, width] = sizes;
      const q = tf.tensor3d(randomValues([batch * queries * width], 1), [batch, queries, width]);
      const k = tf.tensor3d(randomValues([batch * keys * width], 2), [batch, keys, width]);
      const v = tf.tensor3d(randomValues([batch * keys * width], 3), [batch, keys, width]);
      const dy = tf.tensor3d(randomValues([batch * queries * width], 4), [batch, queries, width]);
      const scale = 0.7;
      const want = composedAttention(q, k, v, dy, scale);
      const [out] = run("GlofAttention", { q, k, v }, { scale });
      await expectClose(out!, want.out);
      const gradients = run("GlofAttentionGrad", { q, k, v, dy }, { scale });
      for (const [i, expected] of [want.dq, want.dk, want.dv].entries()) {
        await expectClose(gradients[i]!, expected, { atol: 5e-5, rtol: 5e-4 });
      }
    },
  );

  it("reads packed heads where they lie", async () => {
    const [batch, tokens, heads, width] = [2, 11, 3, 5];
    const qkv = tf.tensor(randomValues([batch * tokens * 3 * heads * width], 5), [
      batch,
      tokens,
      3 * heads * width,
    ]);
    const dy = tf.tensor(randomValues([batch * tokens * heads * width], 6), [batch, tokens, heads * width]);
    const split = (x: tf.Tensor) =>
      tf.reshape(tf.transpose(tf.reshape(x, [batch, tokens, heads, width]), [0, 2, 1, 3]), [
        -1,
        tokens,
        width,
      ]);
    const join = (x: tf.Tensor) =>
      tf.reshape(tf.transpose(tf.reshape(x, [batch, heads, tokens, width]), [0, 2, 1, 3]), dy.shape);
    const [q, k, v] = tf.split(qkv, 3, 2).map(split) as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
    const scale = 0.4;
    const want = composedAttention(q, k, v, split(dy) as tf.Tensor3D, scale);
    const [out] = run("GlofMultiHeadAttention", { qkv }, { heads, scale });
    await expectClose(out!, join(want.out));
    const [dqkv] = run("GlofMultiHeadAttentionGrad", { qkv, dy }, { heads, scale });
    const joined = tf.concat([want.dq, want.dk, want.dv].map(join), 2);
    await expectClose(dqkv!, joined, { atol: 5e-5, rtol: 5e-4 });
  });

  it("stays finite for large scores", async () => {
    const q = tf.mul(tf.tensor3d(randomValues([40], 7), [1, 10, 4]), 300) as tf.Tensor3D;
    const [out] = run("GlofAttention", { q, k: q, v: q }, { scale: 1 });
    expect((await out!.data()).every(Number.isFinite)).toBe(true);
    await expectClose(out!, composedAttention(q, q, q, q, 1).out, { atol: 1e-3, rtol: 1e-4 });
  });

  it("leaves no tensor behind", async () => {
    const q = tf.ones([2, 5, 4]);
    await expectNoTensorGrowth(() =>
      tf.tidy(() => run("GlofAttentionGrad", { q, k: q, v: q, dy: q }, { scale: 1 })),
    );
  });
});

function composedAttention(q: tf.Tensor3D, k: tf.Tensor3D, v: tf.Tensor3D, dy: tf.Tensor3D, scale: number) {
  const p = tf.softmax(tf.mul(tf.matMul(q, k, false, true), scale));
  const dp = tf.matMul(dy, v, false, true);
  const ds = tf.mul(tf.mul(p, tf.sub(dp, tf.sum(tf.mul(p, dp), -1, true))), scale);
  return {
    out: tf.matMul(p, v),
    dq: tf.matMul(ds, k),
    dk: tf.matMul(ds, q, true, false),
    dv: tf.matMul(p, dy, true, false),
  };
}

interface NormInputs {
  readonly x: Float32Array;
  readonly dy: Float32Array;
  readonly gamma: Float32Array;
  readonly beta: Float32Array;
  readonly rows: number;
  readonly width: number;
  readonly epsilon: number;
}

function referenceLayerNorm({ x, dy, gamma, beta, rows, width, epsilon }: NormInputs) {
  const y: number[] = [];
  const dx: number[] = [];
  const dGamma = new Float64Array(width);
  const dBeta = new Float64Array(width);
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / width;
  for (let r = 0; r < rows; r++) {
    const row = Array.from(x.subarray(r * width, (r + 1) * width));
    const grad = Array.from(dy.subarray(r * width, (r + 1) * width));
    const centre = mean(row);
    const std = Math.sqrt(mean(row.map((v) => (v - centre) ** 2)) + epsilon);
    const normed = row.map((v) => (v - centre) / std);
    const g = grad.map((v, i) => v * gamma[i]!);
    const along = mean(g.map((v, i) => v * normed[i]!));
    const middle = mean(g);
    for (let i = 0; i < width; i++) {
      y.push(normed[i]! * gamma[i]! + beta[i]!);
      dx.push((g[i]! - middle - normed[i]! * along) / std);
      dGamma[i]! += grad[i]! * normed[i]!;
      dBeta[i]! += grad[i]!;
    }
  }
  return { y, dx, dGamma, dBeta };
}
