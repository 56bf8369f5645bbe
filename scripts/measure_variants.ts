/**
 * Prints the README's table of variants: `npx tsx scripts/measure_variants.ts`. With the name of a
 * model, a side in pixels and a backend it measures that one forward pass instead (`… dinov2_vits14 518 wasm`), so that
 * the peak of the process is its own.
 */
import { countParams, disposeParams } from "@glof/nn";
import { type BackendName, releaseBackend, selectBackend } from "@glof/runtime";
import { buildDinov2Variant, type Dinov2Variant, dinov2Variants, flopsOf } from "@glof/vit-dinov2";
import * as tf from "@tensorflow/tfjs-core";

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);

async function measure(name: Dinov2Variant, side: number, backend: BackendName): Promise<void> {
  await selectBackend({ require: backend });
  const model = buildDinov2Variant(name);
  const params = model.init(1);
  const weightBytes = tf.memory().numBytes;
  const images = tf.randomNormal<tf.Rank.R4>([1, side, side, 3], 0, 1, "float32", 2);
  const rssBefore = process.memoryUsage().rss;
  const { peakBytes } = await tf.profile(() => ({ ...model.forward(params, images) }));
  const runs: number[] = [];
  for (let time = 0; time < 3; time++) {
    const started = performance.now();
    const { clsToken, registerTokens, patchTokens, prenorm } = model.forward(params, images);
    await clsToken.data();
    runs.push(performance.now() - started);
    tf.dispose([clsToken, registerTokens, patchTokens, prenorm]);
  }
  const best = Math.min(...runs);
  console.log(
    `${name} ${side} px on ${backend}: weights ${mib(weightBytes)} MiB, tensors of a forward pass at most ` +
      `${mib(peakBytes - weightBytes)} MiB more, process ${mib(rssBefore)} MiB before and ` +
      `${mib(process.resourceUsage().maxRSS * 1024)} MiB at its peak, ${(best / 1000).toFixed(2)} s, ` +
      `${(flopsOf(model.config, [side, side]) / best / 1e6).toFixed(1)} GFLOP/s`,
  );
  disposeParams(params);
  await releaseBackend();
}

function printTable(): void {
  for (const name of Object.keys(dinov2Variants) as Dinov2Variant[]) {
    const { config, specs } = buildDinov2Variant(name);
    const { weights } = countParams(specs);
    const gflop = [224, 518].map((side) => (flopsOf(config, [side, side]) / 1e9).toFixed(1));
    const cells = [
      name,
      config.embedDim,
      config.depth,
      config.heads,
      config.registers,
      weights.toLocaleString("en"),
    ];
    console.log(`| ${[...cells, ...gflop, mib(weights * 4), mib(weights * 2)].join(" | ")} |`);
  }
}

const [name, side, backend] = process.argv.slice(2);
if (name === undefined) printTable();
else await measure(name as Dinov2Variant, Number(side), (backend ?? "wasm") as BackendName);
