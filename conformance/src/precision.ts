// States the accuracy of each precision of the WebGPU backend, as Markdown tables:
//   npx tsx conformance/src/precision.ts [--fixtures <dir>] [--data <dir>] [--adapter system] [--part features|scenes]
//     [--scenes 8]
// Features of the golden cases of DINOv2 against PyTorch's, and the shipped model on real scenes against single precision. On a
// software driver unless --adapter system takes the machine's own; half storage is the same there, digit by digit.
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openCheckpoint } from "@glof/checkpoint";
import { disposeParams, toHalfStorage, useWebgpuPrecision } from "@glof/nn";
import { releaseBackend, selectBackend } from "@glof/runtime";
import { buildLakeSegmenter, LakeSegmenter, openBundle } from "@glof/segmenter";
import { openScene } from "@glof/sentinel2";
import { buildDinov2 } from "@glof/vit-dinov2";
import * as tf from "@tensorflow/tfjs-core";
import { useSoftwareVulkan } from "../../packages/test-kit/src/software_vulkan.js";
import type { GoldenCase } from "./case.js";
import { type FixtureGroup, readFixtures } from "./read_fixtures.js";
import { type StatedModel, toStatedConfig } from "./stated_dinov2.js";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const { values: flags } = parseArgs({
  options: {
    fixtures: { type: "string", default: here("../../../shared/fixtures") },
    data: { type: "string", default: here("../../../shared/data") },
    adapter: { type: "string", default: "software" },
    part: { type: "string" },
    scenes: { type: "string", default: "8" },
  },
});

/** What is halves. */
interface Tier {
  readonly name: string;
  readonly weights: boolean;
  readonly activations: boolean;
  /** On a software driver, which has none: compute as matrix units do. */
  readonly units?: boolean;
}

const tiers: readonly Tier[] = [
  { name: "f32", weights: false, activations: false },
  { name: "weights stored as halves", weights: true, activations: false },
  { name: "f16: weights and intermediate results", weights: true, activations: true },
  { name: "f16 on matrix units", weights: true, activations: true, units: true },
];

const scenes = [
  ...["282D_485L_3_3", "38D_378R_2_3", "433D_629L_3_1", "609U_541L_3_0"].map(
    (chip) => `terramesh_chips/S2L2A/${chip}.tif`,
  ),
  ...["summer", "autumn", "winter", "spring"].map(
    (season) => `khumbu_s2_2024/khumbu_s2l2a_${season}_2024.tif`,
  ),
];

/** The chips' files do not name them. */
const chipBands = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12"];

/** Puts a tier into force; says what products run on. */
async function enter({ activations, units = false }: Tier): Promise<string> {
  const report = await useWebgpuPrecision(activations ? "f16" : "f32", { emulate: units });
  if (activations && report.storage !== "halves") throw new Error(report.reason);
  return report.matrixUnits ? ", products on matrix units" : "";
}

/** Sums over all numbers that a tier gave. */
class Errors {
  private worst = 0;
  private largest = 0;
  private squares = 0;
  private wantedSquares = 0;

  add(got: Float32Array, want: Float32Array): void {
    for (const [at, wanted] of want.entries()) {
      const off = got[at]! - wanted;
      this.worst = Math.max(this.worst, Math.abs(off));
      this.largest = Math.max(this.largest, Math.abs(wanted));
      this.squares += off * off;
      this.wantedSquares += wanted * wanted;
    }
  }

  /** Largest error as a share of the largest number, and both root mean squares' ratio. */
  toString(): string {
    const rms = Math.sqrt(this.squares / this.wantedSquares);
    return `${(this.worst / this.largest).toExponential(1)} | ${rms.toExponential(1)}`;
  }
}

type FeatureErrors = Readonly<Record<"cls" | "patch", Errors>>;

async function addGoldenCase(
  fixtures: FixtureGroup,
  golden: GoldenCase,
  tier: Tier,
  errors: FeatureErrors,
): Promise<void> {
  const { file, config } = (fixtures.facts.models as Record<string, StatedModel>)[
    String(golden.options.model)
  ]!;
  const model = buildDinov2(toStatedConfig(String(golden.options.model), config));
  const [checkpoint, results] = [
    await openCheckpoint(`${fixtures.folder}/${file}`),
    await openCheckpoint(`${fixtures.folder}/${golden.file}`),
  ];
  const loaded = await model.load(checkpoint);
  // The golden models are small: all that can be halves shall be.
  const params = tier.weights ? await toHalfStorage(loaded, { leastNumbers: 1 }) : loaded;
  const bytes = await results.readFloat32("in.image_u8");
  const shape = results.entries.get("in.image_u8")!.shape as [number, number, number, number];
  const { cls, patch } = tf.tidy(() => {
    const images = tf.div(
      tf.sub(tf.transpose(tf.tensor4d(bytes, shape), [0, 2, 3, 1]), 128),
      64,
    ) as tf.Tensor4D;
    const { clsToken, patchTokens } = model.forward(params, images);
    return { cls: clsToken, patch: patchTokens };
  });
  errors.cls.add((await cls.data()) as Float32Array, await results.readFloat32("out.x_norm_clstoken"));
  errors.patch.add((await patch.data()) as Float32Array, await results.readFloat32("out.x_norm_patchtokens"));
  tf.dispose([cls, patch]);
  for (const one of new Set([loaded, params])) disposeParams(one);
  await Promise.all([checkpoint.close(), results.close()]);
}

async function stateFeatures(): Promise<void> {
  const [fixtures] = (await readFixtures(flags.fixtures, "dinov2")) as [FixtureGroup];
  const cases = fixtures.cases.filter(
    ({ kind, expected, inputs }) =>
      kind === "forward_features" && "out.x_norm_patchtokens" in expected && !("in.masks" in inputs),
  );
  console.log(`\n${cases.length} golden cases of DINOv2, errors against PyTorch in single precision:\n`);
  console.log(
    "| precision | cls, max | cls, RMS | patch tokens, max | patch tokens, RMS |\n|---|---|---|---|---|",
  );
  for (const tier of tiers) {
    const units = await enter(tier);
    const errors = { cls: new Errors(), patch: new Errors() };
    for (const golden of cases) await addGoldenCase(fixtures, golden, tier, errors);
    console.log(`| ${tier.name}${units} | ${errors.cls} | ${errors.patch} |`);
  }
}

async function loadSegmenter({ weights }: Tier): Promise<LakeSegmenter> {
  const { config, checkpoint } = await openBundle(here("../../packages/cli/models/glof-small.safetensors"));
  const loaded = await buildLakeSegmenter(config).load(checkpoint);
  await checkpoint.close();
  if (!weights) return new LakeSegmenter({ config, params: loaded });
  const params = await toHalfStorage(loaded);
  disposeParams(loaded);
  return new LakeSegmenter({ config, params });
}

async function probabilities(tier: Tier, path: string): Promise<Float32Array> {
  await enter(tier);
  const segmenter = await loadSegmenter(tier);
  const bands = path.startsWith("terramesh") ? chipBands : undefined;
  const scene = await openScene(`${flags.data}/${path}`, { bands });
  const prob = new Float32Array(scene.grid.width * scene.grid.height);
  await segmenter.predictScene(scene, {
    onRows: async (rows) => prob.set(rows.prob, rows.y * scene.grid.width),
  });
  await scene.close();
  segmenter.dispose();
  return prob;
}

interface Change {
  readonly most: number;
  readonly mean: number;
  readonly flipped: number;
  readonly lake: number;
  readonly lakeBefore: number;
  readonly valid: number;
}

function changeOf(before: Float32Array, after: Float32Array, threshold: number): Change {
  const change = { most: 0, mean: 0, flipped: 0, lake: 0, lakeBefore: 0, valid: 0 };
  for (const [at, prob] of before.entries()) {
    if (Number.isNaN(prob)) continue;
    const off = Math.abs(after[at]! - prob);
    change.valid++;
    change.most = Math.max(change.most, off);
    change.mean += off;
    change.lakeBefore += Number(prob >= threshold);
    change.lake += Number(after[at]! >= threshold);
    change.flipped += Number(prob >= threshold !== after[at]! >= threshold);
  }
  return { ...change, mean: change.mean / change.valid };
}

async function stateScenes(): Promise<void> {
  const { config } = await loadSegmenter(tiers[0]!);
  console.log(
    `\nThe shipped model on real scenes, against single precision, threshold ${config.threshold}:\n`,
  );
  console.log(
    "| scene | valid pixels | lake pixels | precision | max change of probability | mean | pixels that flip | area |",
  );
  console.log("|---|---|---|---|---|---|---|---|");
  for (const path of scenes.slice(0, Number(flags.scenes))) {
    const before = await probabilities(tiers[0]!, path);
    // What matrix units do on a GPU is part of "f16" there; emulated they would take hours.
    for (const tier of tiers.slice(1).filter(({ units }) => !units)) {
      const change = changeOf(before, await probabilities(tier, path), config.threshold);
      const area =
        change.lakeBefore === 0
          ? "-"
          : `${((100 * (change.lake - change.lakeBefore)) / change.lakeBefore).toFixed(3)} %`;
      const cells = [path, change.valid, change.lakeBefore, tier.name];
      const numbers = [change.most.toExponential(1), change.mean.toExponential(1), change.flipped, area];
      console.log(`| ${[...cells, ...numbers].join(" | ")} |`);
    }
  }
}

if (flags.adapter === "software") await useSoftwareVulkan();
const choice = await selectBackend({ require: "webgpu" });
console.log(`backend ${choice.reason}`);
if (flags.part !== "scenes") await stateFeatures();
if (flags.part !== "features") await stateScenes();
await releaseBackend();
