import { parseArgs } from "node:util";
import { storeForPrediction, useWebgpuPrecision, type WebgpuPrecision } from "@glof/nn";
import { releaseBackend, selectBackend, tuneBackend } from "@glof/runtime";
import { buildDinov2 } from "@glof/vit-dinov2";
import * as tf from "@tensorflow/tfjs-core";
import { modelSizes } from "./suites/model_sizes.js";

// Chooses the fastest forms of products and attention for the models that the benchmark measures, largest first, and keeps them where
// `selectBackend` finds them ($XDG_CACHE_HOME); what is found when it is stopped is kept.
//
//   tune [--budget seconds] [--no-robustness]

const { values } = parseArgs({
  options: {
    budget: { type: "string", default: "100" },
    "no-robustness": { type: "boolean", default: false },
  },
});
const end = performance.now() + 1000 * Number(values.budget);

/** One block on a 518 x 518 image: the other blocks have the same products. */
async function tuneSize(size: "S" | "B" | "L", precision: WebgpuPrecision): Promise<void> {
  const { embedDim, heads } = modelSizes[size];
  const model = buildDinov2({ embedDim, heads, depth: 1 });
  const params = await storeForPrediction(model.init(1));
  const image = tf.zeros<tf.Rank.R4>([1, 518, 518, 3]);
  const { problems, place, reason } = await tuneBackend(() => {
    tf.dispose({ ...model.forward(params, image) });
  });
  tf.dispose([image, { ...params }]);
  console.log(`ViT-${size}, ${precision}: ${place ?? `not kept: ${reason}`}`);
  for (const { name, form, ms } of problems) {
    const all = Object.entries(ms).map(([other, time]) => `${other} ${time.toFixed(4)}`);
    console.log(`  ${name}: ${form}; ms: ${all.join(", ")}`);
  }
}

await selectBackend({ require: "webgpu", webgpu: { robustness: !values["no-robustness"] } });
for (const size of ["L", "B", "S"] as const) {
  for (const wanted of ["f16", "f32"] as const) {
    const left = Math.round((end - performance.now()) / 1000);
    if (left <= 0) console.log(`ViT-${size}, ${wanted}: left out, time is up`);
    else if ((await useWebgpuPrecision(wanted)).precision === wanted) await tuneSize(size, wanted);
  }
}
await releaseBackend();
