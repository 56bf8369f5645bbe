import { seededRng } from "@glof/core";
import { expectClose, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { randomValues, startWasm } from "./testing/test_backend.js";

beforeAll(() => startWasm());

const rng = seededRng("moves");
const shapes = Array.from({ length: 40 }, () => Array.from({ length: 1 + rng.int(6) }, () => 1 + rng.int(6)));

function strides(shape: readonly number[]): number[] {
  return shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
}

/** Every index of `shape` in row-major order. */
function indices(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (prefixes, size) => prefixes.flatMap((prefix) => Array.from({ length: size }, (_, i) => [...prefix, i])),
    [[]],
  );
}

const offset = (index: readonly number[], step: readonly number[]) =>
  index.reduce((total, i, axis) => total + i * step[axis]!, 0);

describe("Slice on wasm", () => {
  it.each(["float32", "int32", "bool"] as const)("equals plain indexing, %s", async (dtype) => {
    for (const shape of shapes) {
      const begin = shape.map((size) => rng.int(size));
      const size = shape.map((all, axis) =>
        rng.int(2) ? all - begin[axis]! : 1 + rng.int(all - begin[axis]!),
      );
      const values = Float32Array.from(randomValues(shape, 1), (v) =>
        dtype === "float32" ? v : v > 0 ? 1 : 0,
      );
      const x = tf.cast(tf.tensor(values, shape), dtype);
      const got = tf.slice(x, begin, size);
      expect(got.dtype).toBe(dtype);
      expect(got.shape).toEqual(size);
      const step = strides(shape);
      const want = indices(size).map((index) => values[offset(index, step) + offset(begin, step)]!);
      await expectClose(got, want);
      tf.dispose([x, got]);
    }
  });

  it("takes nothing", () => {
    expect(tf.slice(tf.zeros([3, 4]), [1, 4], [2, 0]).shape).toEqual([2, 0]);
  });
});

describe("PadV2 on wasm", () => {
  it("equals plain indexing, of long runs and short ones", async () => {
    for (const shape of [
      ...shapes.slice(0, 12),
      [33],
      [2, 40],
      [3, 1, 17],
      [2, 3, 4, 16],
      [0, 20],
      [2, 2, 2, 2, 18],
    ]) {
      const paddings = shape.map((): [number, number] => [rng.int(3), rng.int(3)]);
      const values = randomValues(shape, 5);
      const x = tf.tensor(values, shape);
      for (const dtype of ["float32", "int32"] as const) {
        const [given, fill] = [tf.cast(tf.mul(x, 100), dtype), dtype === "int32" ? 7 : -2.5];
        const got = tf.pad(given, paddings, fill);
        const source = await given.data();
        const outShape = shape.map((size, axis) => size + paddings[axis]![0] + paddings[axis]![1]);
        expect(got.shape).toEqual(outShape);
        const want = indices(outShape).map((index) => {
          const inside = index.map((i, axis) => i - paddings[axis]![0]);
          const isInside = inside.every((i, axis) => i >= 0 && i < shape[axis]!);
          return isInside ? source[offset(inside, strides(shape))]! : fill;
        });
        await expectClose(got, want, { atol: 0, rtol: 0 });
        tf.dispose([given, got]);
      }
      await expectNoTensorGrowth(() => tf.pad(x, paddings));
    }
  });
});

describe("Transpose on wasm", () => {
  it.each(["float32", "int32", "bool"] as const)("equals plain indexing, %s", async (dtype) => {
    for (const shape of [...shapes, [3, 33, 17], [2, 9, 3, 20], [5, 1, 7, 1, 4]]) {
      const perm = rng.shuffle(shape.map((_, axis) => axis));
      const values = Float32Array.from(randomValues(shape, 2), (v) =>
        dtype === "float32" ? v : v > 0 ? 1 : 0,
      );
      const x = tf.cast(tf.tensor(values, shape), dtype);
      const got = tf.transpose(x, perm);
      const outShape = perm.map((axis) => shape[axis]!);
      expect(got.shape).toEqual(outShape);
      const step = strides(shape);
      const permuted = perm.map((axis) => step[axis]!);
      await expectClose(
        got,
        indices(outShape).map((index) => values[offset(index, permuted)]!),
      );
      tf.dispose([x, got]);
    }
  });
});

describe("Concat on wasm", () => {
  it.each(["float32", "int32", "bool"] as const)(
    "equals plain indexing along any axis, %s",
    async (dtype) => {
      for (const shape of shapes) {
        const axis = rng.int(shape.length);
        const sizes = Array.from({ length: 1 + rng.int(3) }, () => 1 + rng.int(5));
        const parts = sizes.map((size, i) => {
          const partShape = shape.map((all, at) => (at === axis ? size : all));
          const values = Float32Array.from(randomValues(partShape, i), (v) => (v > 0 ? 1 : 0));
          return tf.cast(tf.tensor(values, partShape), dtype);
        });
        const got = tf.concat(parts, axis);
        expect(got.dtype).toBe(dtype);
        let begin = 0;
        for (const [i, part] of parts.entries()) {
          const from = shape.map((_, at) => (at === axis ? begin : 0));
          await expectClose(tf.slice(got, from, part.shape), part);
          begin += sizes[i]!;
        }
        expect(got.shape[axis]).toBe(begin);
        tf.dispose([...parts, got]);
      }
    },
  );
});

describe("Identity on wasm", () => {
  it("gives a tensor that outlives the first", async () => {
    const x = tf.tensor1d([1, 2, 3]);
    const y = x.clone();
    x.dispose();
    const other = tf.tensor1d([7, 8, 9]);
    await expectClose(y, [1, 2, 3]);
    tf.dispose([y, other]);
  });

  it("leaves no tensor behind", async () => {
    await expectNoTensorGrowth(() => tf.tidy(() => tf.ones([3]).clone().clone()));
    const { numBytes } = tf.memory();
    tf.dispose(tf.tidy(() => tf.ones([3]).clone()));
    expect(tf.memory().numBytes).toBe(numBytes);
  });
});

describe("Tile on wasm", () => {
  it("spreads one element and repeats several", async () => {
    await expectClose(tf.broadcastTo(tf.scalar(2.5), [2, 3]), [2.5, 2.5, 2.5, 2.5, 2.5, 2.5]);
    await expectClose(tf.tile(tf.tensor2d([[1, 2]]), [2, 2]), [1, 2, 1, 2, 1, 2, 1, 2]);
  });

  it.each(["float32", "int32", "bool"] as const)("equals plain indexing, %s", async (dtype) => {
    for (const shape of shapes.filter(({ length }) => length <= 4)) {
      const reps = shape.map(() => 1 + (rng.int(2) ? 0 : rng.int(3)));
      const values = Float32Array.from(randomValues(shape, 8), (v) =>
        dtype === "float32" ? v : v > 0 ? 1 : 0,
      );
      const x = tf.cast(tf.tensor(values, shape), dtype);
      const got = tf.tile(x, reps);
      const outShape = shape.map((size, axis) => size * reps[axis]!);
      expect(got.shape).toEqual(outShape);
      const step = strides(shape);
      const want = indices(outShape).map(
        (index) =>
          values[
            offset(
              index.map((i, axis) => i % shape[axis]!),
              step,
            )
          ]!,
      );
      await expectClose(got, want);
      tf.dispose([x, got]);
    }
  });
});

describe("Sum and Mean on wasm", () => {
  it.each([true, false])("equal plain loops over any axes (keepDims %s)", async (keepDims) => {
    for (const shape of shapes) {
      const axes = shape.map((_, axis) => axis).filter((_, axis) => axis === 0 || rng.int(3) === 0);
      const values = randomValues(shape, 3);
      const x = tf.tensor(values, shape);
      const got = tf.sum(x, axes, keepDims);
      const outShape = shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
      expect(got.shape).toEqual(keepDims ? outShape : outShape.filter((_, axis) => !axes.includes(axis)));
      const step = strides(outShape).map((s, axis) => (axes.includes(axis) ? 0 : s));
      const want = new Float64Array(outShape.reduce((a, b) => a * b, 1));
      for (const [i, index] of indices(shape).entries()) want[offset(index, step)]! += values[i]!;
      await expectClose(got, want);
      const count = values.length / want.length;
      const average = tf.mean(x, axes, keepDims);
      await expectClose(
        average,
        want.map((v) => v / count),
      );
      tf.dispose([x, got, average]);
    }
  });

  it("keeps the error of long sums small", async () => {
    const got = tf.sum(tf.fill([70_000, 3], 0.1), 0);
    await expectClose(got, [7000, 7000, 7000], { atol: 0, rtol: 5e-6 });
  });
});

describe("UnsortedSegmentSum on wasm", () => {
  it.each(["float32", "int32"] as const)("adds rows by id and drops ids outside, %s", async (dtype) => {
    const ids = [0, 2, 2, -1, 0, 7, 3];
    const values = Float32Array.from(randomValues([7, 5], 4), (v) =>
      dtype === "int32" ? Math.round(9 * v) : v,
    );
    const want = new Float64Array(4 * 5);
    for (const [i, id] of ids.entries()) {
      for (let j = 0; j < 5; j++) if (id >= 0 && id < 4) want[id * 5 + j]! += values[i * 5 + j]!;
    }
    const x = tf.cast(tf.tensor2d(values, [7, 5]), dtype);
    const got = tf.unsortedSegmentSum(x, tf.tensor1d(ids, "int32"), 4);
    expect(got.dtype).toBe(dtype);
    await expectClose(got, want);
  });

  it("leaves no tensor behind", async () => {
    await expectNoTensorGrowth(() =>
      tf.tidy(() => tf.unsortedSegmentSum(tf.ones([4, 2]), tf.tensor1d([0, 1, 0, 1], "int32"), 2)),
    );
  });
});
