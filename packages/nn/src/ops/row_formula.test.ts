import { describeOnBackends, expectClose, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { it } from "vitest";
import { seededTensor } from "../testing/directional_gradient.js";
import { type RowFormula, rowFormula } from "./row_formula.js";

/** Every operation, numbers on either side. */
const formula =
  (weights: readonly number[]): RowFormula =>
  (on, [a, b]) => {
    const share = on.div(on.mul(on.row(weights), b!), on.sum(on.max(b!, 0.5)));
    const steps = on.add(on.atLeast(a!, b!), on.mul(on.above(1.25, b!), -3));
    const curved = on.add(on.pow(b!, 1.7), on.sub(on.log(b!), on.sqrt(b!)));
    return [on.sum(on.mul(a!, share)), on.add(share, steps), on.sum(curved), on.sub(1, curved)];
  };

describeOnBackends("rowFormula", () => {
  it.each([1, 4, 33, 256, 257])("gives a sum and rows of %i numbers", async (places) => {
    const rows = tf.concat([
      seededTensor([1, places], "a", -1, 2),
      seededTensor([1, places], "b", 0.25, 2),
    ]) as tf.Tensor2D;
    const weights = Array.from({ length: places }, (_, k) => k / 8 - 1e-7);
    const [a, b] = (await rows.array()) as [number[], number[]];
    const whole = b.reduce((sum, one) => sum + Math.max(one, 0.5), 0);
    const share = b.map((one, k) => (weights[k]! * one) / whole);
    const curved = b.map((one) => one ** 1.7 + Math.log(one) - Math.sqrt(one));
    const sumOf = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0);
    const { first, rest } = rowFormula(rows, formula(weights));
    await expectClose(first, [sumOf(a.map((one, k) => one * share[k]!))], { atol: 2e-5, rtol: 1e-5 });
    const steps = a.map((one, k) => Number(one >= b[k]!) - 3 * Number(1.25 > b[k]!));
    const want = [
      share.map((one, k) => one + steps[k]!),
      b.map(() => sumOf(curved)),
      curved.map((one) => 1 - one),
    ];
    await expectClose(rest, want.flat(), { atol: 1e-4, rtol: 1e-5 });
    await expectNoTensorGrowth(() => tf.tidy(() => ({ ...rowFormula(rows, formula(weights)) })));
  });
});
