import { describeOnBackends, expectClose, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { withReferenceKernels } from "../kernels/door.js";
import { attention, multiHeadAttention } from "../ops/attention.js";
import { seededTensor } from "../testing/directional_gradient.js";
import type { Params } from "../types.js";
import { valueAndGrad } from "../value_and_grad.js";
import { attentionFormChoice, attentionFormName, attentionForms } from "./attention_form.js";
import { workgroupBytes } from "./dispatch.js";
import { holdsHalves } from "./half_storage.js";
import {
  type UnitAttentionShape,
  unitAttentionBytes,
  unitAttentionShapes,
} from "./matrix_unit_attention_shape.js";
import { emulatedUnits, hardwareUnits } from "./matrix_units.js";
import { useWebgpuPrecision } from "./precision.js";
import type { ShaderBackend } from "./shader.js";
import { toHalfStorage } from "./to_half_storage.js";
import { attentionName } from "./tuning/tuning_table.js";

/** Operands and weights are rounded to 2^-11 of themselves; the operands here stay below 3. */
const rounded = { rtol: 0, atol: 2e-4 };

const shapes: readonly (readonly [tokens: number, heads: number, shape: UnitAttentionShape])[] = [
  [1, 2, { width: 16, subgroups: 1, strips: 1, keys: 16 }],
  [67, 3, { width: 32, subgroups: 1, strips: 2, keys: 32 }],
  [100, 1, { width: 48, subgroups: 2, strips: 1, keys: 32 }],
];

const inShape = <T>(shape: UnitAttentionShape, work: () => T): T =>
  attentionFormChoice.with(() => ({ kind: "units", shape }), work);

describeOnBackends(
  "attention on matrix units, emulated",
  () => {
    beforeAll(async () => {
      const report = await useWebgpuPrecision("f16", { emulate: true });
      expect(report.reason).toMatch(/products and attention run on .*emulated/);
    });
    afterAll(async () => void (await useWebgpuPrecision("f32")));

    for (const [tokens, heads, shape] of shapes) {
      it(`is that of the composition: ${tokens} tokens, ${JSON.stringify(shape)}`, async () => {
        const backend = tf.backend() as unknown as ShaderBackend;
        expect(unitAttentionBytes(shape, emulatedUnits)).toBeLessThanOrEqual(workgroupBytes(backend));
        // Large in part, so that maxima are passed by more than the slack.
        for (const [size, room] of [
          [1, rounded],
          [3, { rtol: 0, atol: 2e-3 }],
        ] as const) {
          const qkv = seededTensor([2, tokens, 3 * heads * shape.width], "qkv", -size, size) as tf.Tensor3D;
          const f = (): tf.Tensor => multiHeadAttention(qkv, heads);
          const got = inShape(shape, f);
          await expectClose(got, withReferenceKernels(f), room);
          await expectNoTensorGrowth(() => inShape(shape, f));
        }
      });
    }

    it("reads queries, keys and values that are kept as halves", async () => {
      const backend = tf.backend() as unknown as ShaderBackend;
      const single = seededTensor([67, 96], "qkv", -1, 1);
      const { qkv } = await toHalfStorage({ qkv: single });
      expect(holdsHalves(backend, qkv!)).toBe(true);
      const f = (x: tf.Tensor) => (): tf.Tensor => multiHeadAttention(tf.reshape(x, [1, 67, 96]), 2);
      const [packed, rounded] = [f(qkv!)(), f(single)()];
      // The units round to the same halves.
      await expectClose(packed, rounded, { rtol: 0, atol: 0 });
      const compact = multiHeadAttention(tf.reshape(qkv!, [1, 67, 96]), 2, { compact: true });
      expect(holdsHalves(backend, compact)).toBe(true);
      await expectClose(compact, rounded, { rtol: 2 ** -11, atol: 1e-7 });
      tf.dispose([single, qkv!, packed, rounded, compact]);
    });

    it("takes fewer keys than queries, and scores that leave nothing but one key", async () => {
      const [q, k, v] = [70, 5, 5].map((rows, i) =>
        seededTensor([2, 3, rows, 16], `x${i}`, -1, 1),
      ) as tf.Tensor4D[];
      const f = (factor: number) => (): tf.Tensor => attention(q!, k!, v!, { scale: factor });
      for (const factor of [0.25, 1e4, -1e4]) {
        const want = withReferenceKernels(f(factor));
        // Where all depends on one score, its operands' rounding may decide which: keep to the factor that asks for none.
        if (factor === 0.25) await expectClose(f(factor)(), want, rounded);
        else expect((await f(factor)().data()).every((x) => Math.abs(x) <= 1)).toBe(true);
      }
    });

    it("leaves other widths to single precision", async () => {
      const qkv = seededTensor([1, 9, 3 * 24], "odd", -1, 1) as tf.Tensor3D;
      await expectClose(
        multiHeadAttention(qkv, 1),
        withReferenceKernels(() => multiHeadAttention(qkv, 1)),
      );
    });

    it("leaves what is recorded to single precision", async () => {
      const given = { qkv: seededTensor([1, 9, 3 * 16], "even", -1, 1) };
      const loss = ({ qkv }: Params): tf.Scalar => tf.sum(multiHeadAttention(qkv as tf.Tensor3D, 1));
      const exact = withReferenceKernels(() => loss(given));
      await expectClose(valueAndGrad(loss, given).value, exact, { rtol: 1e-6, atol: 1e-7 });
    });

    it("is offered to the tuner in every shape that fits, the likely one first", () => {
      const names: string[] = [];
      const f = (): tf.Tensor => multiHeadAttention(tf.zeros([1, 3, 48]), 1);
      attentionFormChoice.with((backend, work) => {
        names.push(attentionName(work), ...attentionForms(backend, work).map(attentionFormName));
        return undefined;
      }, f);
      const shapes = ["4x1x32", "4x1x16", "2x1x32", "2x1x16", "1x1x32", "1x1x16"].map(
        (one) => `units ${one}`,
      );
      expect(names).toEqual(["attention 1 x 1 x 3 x 3 x 16 vector rows=48 emulated", ...shapes]);
    });

    it("takes many queries a group where there are groups enough, and less where memory is short", () => {
      const of = (width: number, heads: number, bytes: number): UnitAttentionShape | undefined =>
        unitAttentionShapes({ width, queries: 1370, heads }, hardwareUnits, bytes)[0];
      expect(of(64, 16 * 8, 49_152)).toEqual({ width: 64, subgroups: 4, strips: 2, keys: 32 });
      expect(of(64, 16, 49_152)).toEqual({ width: 64, subgroups: 4, strips: 1, keys: 32 });
      expect(of(64, 16 * 8, 32_768)).toEqual({ width: 64, subgroups: 4, strips: 1, keys: 32 });
      expect(of(256, 4, 32_768)).toMatchObject({ width: 256, strips: 1 });
      expect(of(4096, 1, 32_768)).toBeUndefined();
      expect(of(24, 16, 49_152)).toBeUndefined();
    });
  },
  { backends: ["webgpu"] },
);
