// Train a tiny segmenter for a few steps on made-up scenes. The same loop, longer and on better images, is `glof train`.
import { bceWithLogits, diceLoss, weightedSum } from "@glof/losses";
import { disposeParams } from "@glof/nn";
import { releaseBackend, selectBackend } from "@glof/runtime";
import { buildLakeSegmenter, buildSmallLakeSegmenterConfig } from "@glof/segmenter";
import { generateScene } from "@glof/synthetic";
import { adamW, bandStatistics, chipBatches, fit, openChipSet } from "@glof/train";

const bands = ["B02", "B03", "B04", "B08"];
const chips = [1, 2].map((seed) => {
  const { bandsRefl, truth } = generateScene({ seed, width: 96, height: 96, mode: "lowland", cloudCover: 0 });
  const refl = Float32Array.from(
    { length: 96 * 96 * 4 },
    (_, index) => bandsRefl[index % 4][Math.floor(index / 4)],
  );
  return { id: `scene ${seed}`, bands, width: 96, height: 96, refl, mask: truth.lakeMask };
});
const chipSet = await openChipSet(chips, { bands });
const statistics = bandStatistics(chipSet);

await selectBackend({ prefer: ["wasm"] });
const model = buildLakeSegmenter(
  buildSmallLakeSegmenterConfig({ embedDim: 48, depth: 2, heads: 2, trainPx: 84, normalisation: statistics }),
);
const params = model.init(1);
const events = fit({
  model,
  params,
  batches: chipBatches(chipSet, { batchSize: 2, cropPx: 84, normalization: statistics, seed: 1 }),
  loss: weightedSum([
    [0.5, (logits, target) => bceWithLogits(logits, target, { ignore: 255 })],
    [0.5, (logits, target) => diceLoss(logits, target, { ignore: 255 })],
  ]),
  optimizer: adamW({ lr: 2e-3 }),
  steps: 12,
});
for await (const event of events) {
  if (event.kind === "step" && event.step % 4 === 0)
    console.log(`step ${event.step}: loss ${event.loss.toFixed(3)}`);
  if (event.kind === "end") disposeParams(event.params);
}
disposeParams(params);
await releaseBackend();
