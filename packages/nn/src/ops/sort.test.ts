import { seededRng } from "@glof/core";
import { describeOnBackends, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { withReferenceKernels } from "../kernels/door.js";
import { sortDescending } from "./sort.js";

/** The engine's own stable sort, with NaN as the largest. */
function wanted(row: readonly number[]): number[] {
  const size = (value: number): number => (Number.isNaN(value) ? Number.POSITIVE_INFINITY : value);
  const isLess = (a: number, b: number): number =>
    Number(Number.isNaN(row[b]!)) - Number(Number.isNaN(row[a]!)) || size(row[b]!) - size(row[a]!) || 0;
  return row.map((_, index) => index).sort(isLess);
}

const random = (count: number, seed: number): number[] => {
  const rng = seededRng(seed);
  return Array.from({ length: count }, () => Math.fround(rng.uniform(-1, 1)));
};

const { NaN: none, POSITIVE_INFINITY: most, NEGATIVE_INFINITY: least } = Number;
/** Name, rows. Lengths around a tile of 2048 and a round of 256. */
const cases: readonly (readonly [string, readonly (readonly number[])[]])[] = [
  ["one number", [[3]]],
  ["rows of one", [[3], [-1], [none]]],
  [
    "infinities, zeros of both signs, NaN",
    [[0, -0, none, 1, most, -1, least, -0, 0, none, most, least, -1e-45, 1e-45]],
  ],
  ["all equal", [new Array<number>(300).fill(2.5)]],
  ["ties", [random(1000, 1).map((value) => Math.round(value * 4))]],
  [
    "three rows, longer than a tile",
    [random(2300, 2), random(2300, 3).map((value) => value * 1e30), random(2300, 4)],
  ],
  ["a tile and a round exactly", [random(2048, 5), random(2048, 6)]],
  [
    "in order already, and the other way",
    [random(257, 7).sort((a, b) => b - a), random(257, 8).sort((a, b) => a - b)],
  ],
];

describeOnBackends("sortDescending", (backend) => {
  const check = async (rows: readonly (readonly number[])[]): Promise<void> => {
    const x = tf.tensor2d(rows.map((row) => [...row]));
    const { values, indices } = sortDescending(x);
    expect([values.dtype, indices.dtype, values.shape, indices.shape]).toEqual([
      "float32",
      "int32",
      x.shape,
      x.shape,
    ]);
    const [gotValues, gotIndices] = [await values.data(), await indices.data()];
    const orders = rows.map((row) => wanted(row));
    expect([...gotIndices]).toEqual(orders.flat());
    // toEqual tells -0 from 0.
    expect([...gotValues]).toEqual(
      orders.flatMap((order, row) => order.map((index) => Math.fround(rows[row]![index]!))),
    );
    tf.dispose([x, values, indices]);
  };

  it.each(cases)("sorts, stable, NaN first: %s", async (_, rows) => {
    await check(rows);
  });

  it("gives the same composed of plain operations", async () => {
    const rows = [[0, 2, none, -1, 2, most, none, least, 1], random(9, 9)];
    await withReferenceKernels(() => check(rows));
  });

  it("sorts whole numbers that were cast", async () => {
    const { values } = sortDescending(tf.cast(tf.tensor2d([[3, 9, -4, 7]], [1, 4], "int32"), "float32"));
    expect([...(await values.data())]).toEqual([9, 7, 3, -4]);
  });

  it("sorts large rows", async () => {
    const count = { cpu: 268_324, wasm: 1_073_296, webgpu: 20_000 }[backend];
    const row = Float32Array.from(random(count, 10));
    const { values, indices } = sortDescending(tf.tensor2d(row, [1, count]));
    const [sorted, order] = [await values.data(), await indices.data()];
    expect(sorted).toEqual(row.slice().sort().reverse());
    expect(order.every((index, place) => row[index] === sorted[place])).toBe(true);
    tf.dispose([values, indices]);
  });

  it("leaves no tensor behind", async () => {
    const x = tf.tensor2d([random(300, 11)]);
    await expectNoTensorGrowth(() => Object.values(sortDescending(x)));
    await expectNoTensorGrowth(() => withReferenceKernels(() => Object.values(sortDescending(x))));
  });
});
