import { bceWithLogits } from "@glof/losses";
import { disposeParams } from "@glof/nn";
import { selectBackend } from "@glof/runtime";
import { buildLakeSegmenter, buildSmallLakeSegmenterConfig } from "@glof/segmenter";
import { describeOnBackends } from "@glof/test-kit";
import { adamW, runFit, type TrainableRules } from "@glof/train";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, it } from "vitest";
import { tensorOf } from "./sides/tf_tools.js";

const configOf = (depth: number) =>
  buildSmallLakeSegmenterConfig({
    ...{ embedDim: 48, depth, heads: 2, trainPx: 84, tilePx: 84, overlapPx: 0 },
    decoder: { widths: { patch: 8, half: 8, full: 4 } },
  });

interface StepFound {
  readonly losses: readonly number[];
  /** What the forward pass of the second step leaves for the backward pass. */
  readonly heldBytes: number;
}

async function steps(
  rules: TrainableRules,
  { checkpointBlocks = false, depth = 6 } = {},
): Promise<StepFound> {
  const model = buildLakeSegmenter(configOf(depth));
  const params = model.init(1);
  let [before, heldBytes] = [0, 0];
  const { events, params: learned } = await runFit<tf.Tensor4D>({
    ...{ model, params, rules, checkpointBlocks, steps: 2 },
    optimizer: adamW({ lr: 1e-3 }),
    loss: (logits, target) => {
      heldBytes = tf.memory().numBytes - before;
      return bceWithLogits(logits, target);
    },
    batches: ({ step }) => {
      before = tf.memory().numBytes;
      return {
        input: tensorOf(tf, [2, 84, 84, 4], step) as tf.Tensor4D,
        target: tf.tidy(() => tf.cast(tf.greater(tensorOf(tf, [2, 84, 84, 1], -1 - step), 0.4), "float32")),
      };
    },
  });
  for (const record of [params, learned]) disposeParams(record);
  return { losses: events.flatMap((event) => (event.kind === "step" ? [event.loss] : [])), heldBytes };
}

/** Bytes of the weights of a block. */
const blockBytes = (): number =>
  buildLakeSegmenter(configOf(1))
    .specs.filter(({ name }) => name.startsWith("backbone.blocks.0."))
    .reduce((sum, { shape }) => sum + 4 * shape.reduce((product, side) => product * side, 1), 0);

const all: TrainableRules = [[/./, "train"]];
const only = (...patterns: readonly RegExp[]): TrainableRules => [
  ...patterns.map((pattern) => [pattern, "train"] as const),
  [/./, "freeze"],
];

describeOnBackends(
  "what a training step holds",
  () => {
    // With the kernels that users get: stock TensorFlow.js copies on WebAssembly whatever is kept.
    beforeAll(async () => void (await selectBackend({ require: "wasm" })));

    it("is little where the backbone is frozen: its activations are never on the tape", async () => {
      const decoder = await steps(only(/^decoder\./));
      const lastBlock = await steps(only(/^decoder\./, /^backbone\.blocks\.5\./));
      const everything = await steps(all);
      expect(decoder.heldBytes).toBeLessThan(lastBlock.heldBytes);
      // Of six blocks one is recorded; what is left of the difference is the decoder.
      const blocks = everything.heldBytes - decoder.heldBytes;
      expect(lastBlock.heldBytes - decoder.heldBytes).toBeLessThan(blocks / 3);
    });

    it("is less when blocks are computed twice, and what is learned is the same", async () => {
      const kept = await steps(all);
      const twice = await steps(all, { checkpointBlocks: true });
      const [keptDeep, twiceDeep] = [
        await steps(all, { depth: 12 }),
        await steps(all, { depth: 12, checkpointBlocks: true }),
      ];
      // Six more blocks: of each its input alone is kept. The weights are handles on what is there anyway, which
      // TensorFlow.js counts as if they were copies.
      const weights = 6 * blockBytes();
      const growth = (deep: StepFound, shallow: StepFound) => deep.heldBytes - shallow.heldBytes - weights;
      expect(growth(twiceDeep, twice)).toBeLessThan(growth(keptDeep, kept) / 8);
      expect(twice.losses[0]).toBe(kept.losses[0]);
      expect(twice.losses[1]).toBeCloseTo(kept.losses[1]!, 5);
    });
  },
  { backends: ["wasm"] },
);
