// Scores a bundle beside NDWI + Otsu and draws both:
// `npx tsx recipes/glof-small/evaluate.ts <bundle> <shared data> <cache> <picture folder>` prints a Markdown table.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openRaster } from "@glof/geo";
import { addCounts, type Counts, confusionCounts, f1, iou, noCounts, precision, recall } from "@glof/metrics";
import { releaseBackend, selectBackend } from "@glof/runtime";
import { LakeSegmenter } from "@glof/segmenter";
import { ndwiOtsuMask, openScene } from "@glof/sentinel2";
import { datasets, type LabelledScene } from "./datasets.js";
import { drawPanels } from "./panels.js";

const [bundle, data, cache, pictures] = process.argv.slice(2);
if (pictures === undefined)
  throw new Error("usage: evaluate.ts <bundle> <shared data> <cache> <picture folder>");
const IGNORED = 255;

await selectBackend({ prefer: ["wasm"] });
const segmenter = await LakeSegmenter.load(bundle!);
await mkdir(pictures, { recursive: true });

console.log("| images | model IoU | F1 | precision | recall | NDWI + Otsu IoU | F1 | precision | recall |");
console.log("|---|---|---|---|---|---|---|---|---|");
for (const { name, scenes } of await datasets(data!, cache!)) {
  let [model, baseline] = [noCounts, noCounts];
  for (const scene of scenes) {
    const scored = await scoreScene(scene);
    model = addCounts(model, scored.model);
    baseline = addCounts(baseline, scored.baseline);
  }
  if (scenes.some(({ mask }) => mask !== undefined))
    console.log(`| ${name} | ${row(model)} | ${row(baseline)} |`);
}
segmenter.dispose();
await releaseBackend();

async function scoreScene(labelled: LabelledScene): Promise<{ model: Counts; baseline: Counts }> {
  const scene = await openScene(labelled.image, { bands: labelled.bands });
  const { width, height } = scene.grid;
  const window = { x: 0, y: 0, width, height };
  const { bandsRefl, validMask } = await scene.readReflectance(window, ["B04", "B03", "B02", "B08"]);
  const prob = new Float32Array(width * height);
  await segmenter.predictScene(scene, { onRows: async (rows) => prob.set(rows.prob, rows.y * width) });
  const found = Uint8Array.from(prob, (value) => (value >= segmenter.config.threshold ? 1 : 0));
  const { mask: ndwiFound } = ndwiOtsuMask(bandsRefl[1]!, bandsRefl[3]!, validMask);
  const truth = await readTruth(labelled, validMask, window);
  const [red, green, blue] = bandsRefl;
  const drawn = drawPanels({ width, height, red: red!, green: green!, blue: blue!, truth, found, ndwiFound });
  await writeFile(join(pictures!, `${labelled.name}.png`), drawn);
  await scene.close();
  if (labelled.mask === undefined) {
    const share = (mask: Uint8Array) =>
      ((100 * mask.reduce((sum, value) => sum + (value === 1 ? 1 : 0), 0)) / mask.length).toFixed(2);
    console.error(
      `${labelled.name}: model marks ${share(found)} %, NDWI + Otsu ${share(ndwiFound)} % of the pixels`,
    );
    return { model: noCounts, baseline: noCounts };
  }
  const model = confusionCounts(found, truth);
  const baseline = confusionCounts(
    ndwiFound.map((value) => (value === 1 ? 1 : 0)),
    truth,
  );
  console.error(
    `${labelled.name}: model IoU ${iou(model).toFixed(3)}, NDWI + Otsu ${iou(baseline).toFixed(3)}`,
  );
  return { model, baseline };
}

async function readTruth(
  { mask, lake = [1], other = [0] }: LabelledScene,
  validMask: Uint8Array,
  window: { x: number; y: number; width: number; height: number },
): Promise<Uint8Array> {
  if (mask === undefined) return new Uint8Array(validMask.length).fill(IGNORED);
  const raster = await openRaster(mask);
  const [labels] = await raster.readWindow(window, { bands: [0] });
  await raster.close();
  return Uint8Array.from(labels!, (label, pixel) =>
    validMask[pixel] === 0 ? IGNORED : lake.includes(label) ? 1 : other.includes(label) ? 0 : IGNORED,
  );
}

function row(counts: Counts): string {
  return [iou, f1, precision, recall]
    .map((ratio) => ratio(counts, { zeroDivision: 0 }).toFixed(3))
    .join(" | ");
}
