/**
 * Times the Lovasz extension and the sort on the wasm backend: our kernels against the passes on JavaScript's arrays and
 * TensorFlow.js's `topk`, interleaved. `npx tsx packages/nn/bench/lovasz_sort.ts [threads] [repeats]`
 */
import * as tf from "@tensorflow/tfjs-core";
import { lovaszExtension, sortDescending, withReferenceKernels } from "../src/index.js";
import { randomValues, startWasm } from "../src/wasm/testing/test_backend.js";

const [threads = 1, repeats = 7] = process.argv.slice(2).map(Number);
await startWasm({ threads });

const sides: Readonly<Record<string, (x: tf.Tensor2D, labels: tf.Tensor2D) => tf.Tensor[]>> = {
  "Lovasz, kernel": (x, labels) =>
    Object.values(lovaszExtension(x, labels, { form: "hinge", ignore: 255, scale: 1 })),
  "Lovasz, arrays": (x, labels) => withReferenceKernels(() => sides["Lovasz, kernel"]!(x, labels)),
  "sort, kernel": (x) => Object.values(sortDescending(x)),
  "sort, arrays": (x) => withReferenceKernels(() => Object.values(sortDescending(x))),
  "sort, topk": (x) => Object.values(tf.topk(x, x.shape[1], true)),
};

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;

for (const count of [268_324, 1_073_296]) {
  const x = tf.tensor2d(randomValues([count], 1), [1, count]);
  const labels = tf.tensor2d(
    randomValues([count], 2).map((draw) => (draw > 0.4 ? 1 : 0)),
    [1, count],
  );
  const times = Object.fromEntries(Object.keys(sides).map((name): [string, number[]] => [name, []]));
  for (let round = -1; round < repeats; round++) {
    for (const [name, run] of Object.entries(sides)) {
      const started = performance.now();
      tf.dispose(run(x, labels));
      if (round >= 0) times[name]!.push(performance.now() - started);
    }
  }
  for (const [name, all] of Object.entries(times)) {
    console.log(`${count} ${name}: ${median(all).toFixed(1)} ms`);
  }
  tf.dispose([x, labels]);
}
process.exit(0);
