import * as testKit from "@glof/test-kit";
import { describeOnBackends } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { multiHeadAttention } from "../ops/attention.js";
import { expectParity, type ParityCase } from "../testing/expect_parity.js";
import { attentionFormChoice, attentionFormName, attentionForms } from "./attention_form.js";

/** More tokens than a group of 32 has, fewer than one of 128; rows that are vectors and not; a part of a tile left over. */
const cases: readonly ParityCase[] = [
  ["attention", ({ a }) => multiHeadAttention(a as tf.Tensor3D, 2), [[2, 37, 48]]],
  ["attention of odd width", ({ a }) => multiHeadAttention(a as tf.Tensor3D, 1), [[1, 70, 15]]],
];

describeOnBackends(
  "forms of attention",
  () => {
    it.each(cases.flatMap((parity) => [0, 1, 2, 3].map((form) => [form, parity] as const)))(
      "number %i gives the values and gradients of the composition",
      async (index, parity) => {
        const seen = new Set<string>();
        const end = attentionFormChoice.begin((backend, work) => {
          const form = attentionForms(backend, work)[index]!;
          seen.add(`${work.pass.name} ${attentionFormName(form)}`);
          return form;
        });
        try {
          await expectParity(parity, testKit);
        } finally {
          end();
        }
        const name = ["single 64 x 8", "single 64 x 4", "single 128 x 8", "single 32 x 8"][index];
        const passes = ["attention", "attention_statistics", "attention_dq", "attention_dk", "attention_dv"];
        expect([...seen]).toEqual(passes.map((pass) => `${pass} ${name}`));
      },
    );

    it("are those that fit into workgroup memory", () => {
      attentionFormChoice.with(
        (backend, work) => {
          const formsOf = (width: number): string[] => {
            const shape = { ...work.problem.shape, width };
            return attentionForms(backend, { ...work, problem: { ...work.problem, shape } }).map(
              attentionFormName,
            );
          };
          expect(formsOf(64)).toEqual(["single 64 x 8", "single 64 x 4", "single 128 x 8", "single 32 x 4"]);
          // Two tiles of eight rows of 600 numbers take 38 KB.
          expect(formsOf(600)).not.toContain("single 32 x 1");
          return undefined;
        },
        () => tf.tidy(() => multiHeadAttention(tf.zeros([1, 3, 24]), 1)),
      );
    });
  },
  { backends: ["webgpu"] },
);
