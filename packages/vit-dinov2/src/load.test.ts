import { type Checkpoint, checkpointFromTensors, openCheckpoint } from "@glof/checkpoint";
import { type Logger, silentLogger } from "@glof/core";
import { disposeParams, type LoadReport, type Params, saveParams } from "@glof/nn";
import { describeOnBackends, expectClose, hasShared, sharedPath } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { buildDinov2, type Dinov2Model, type Dinov2Options, recognizeDinov2 } from "./index.js";

const exact = { atol: 0, rtol: 0 };
const models: Record<string, Dinov2Options> = {
  micro: { embedDim: 32, depth: 5, heads: 2, imageSizePx: 224 },
  micro_reg: {
    embedDim: 24,
    depth: 2,
    heads: 2,
    imageSizePx: 224,
    registers: 4,
    positionOffset: 0,
    positionAntialias: true,
  },
  micro_swiglu: { embedDim: 24, depth: 2, heads: 3, imageSizePx: 224, ffn: "swiglu" },
};

const fixture = (name: string): Promise<Checkpoint> =>
  openCheckpoint(sharedPath(`fixtures/dinov2/models/${name}`));

async function loadFixture(
  model: Dinov2Model,
  name: string,
  onReport?: (report: LoadReport) => void,
): Promise<Params> {
  const file = await fixture(name);
  try {
    return await model.load(file, { ...(onReport && { onReport }) });
  } finally {
    await file.close();
  }
}

const here = hasShared("fixtures/dinov2/models");

describe.skipIf(!here)("names of every family", () => {
  describeOnBackends(
    "load",
    () => {
      it.each([
        ["micro", "micro.legacy.pth"],
        ["micro", "micro.safetensors"],
        ["micro", "micro.hf/model.safetensors"],
        ["micro", "micro.teacher_chunked.pth"],
        ["micro_reg", "micro_reg.hf/model.safetensors"],
        ["micro_reg", "micro_reg.model_wrapped.pth"],
        ["micro_reg", "micro_reg.state_dict_module.pth"],
        ["micro_reg", "micro_reg.teacher_flat.pth"],
        ["micro_swiglu", "micro_swiglu.hf/model.safetensors"],
        ["micro_swiglu", "micro_swiglu.hf_sharded/model.safetensors.index.json"],
      ])("%s from %s has the very weights of the official file", async (name, path) => {
        const model = buildDinov2(models[name]!);
        const official = await loadFixture(model, `${name}.pth`);
        const other = await loadFixture(model, path);
        for (const { name: param } of model.specs) await expectClose(other[param]!, official[param]!, exact);
        disposeParams(official);
        disposeParams(other);
      });

      it.each(["micro_reg", "micro_swiglu"])("%s from timm gives the same features", async (name) => {
        const model = buildDinov2(models[name]!);
        const images = tf.randomNormal([1, 56, 70, 3], 0, 1, "float32", 4) as tf.Tensor4D;
        const official = model.forward(await loadFixture(model, `${name}.pth`), images);
        const timm = model.forward(await loadFixture(model, `${name}.timm.safetensors`), images);
        await expectClose(timm.prenorm, official.prenorm);
      });

      it("reports what it leaves aside", async () => {
        let report: LoadReport | undefined;
        await loadFixture(buildDinov2(models.micro!), "micro.teacher_chunked.pth", (seen) => {
          report = seen;
        });
        expect(report!.unused.length).toBeGreaterThan(0);
        expect(report!.unused.every((name) => /^teacher\.(dino_head|dino_loss|ibot)/.test(name))).toBe(true);
        expect(report!.missing).toEqual([]);
      });
    },
    { backends: ["cpu"] },
  );

  it("tells the families apart", async () => {
    const told = async (name: string) => {
      const file = await fixture(name);
      await file.close();
      return recognizeDinov2(file);
    };
    expect(await told("micro.pth")).toMatchObject({
      naming: "official",
      prefix: "",
      chunked: false,
      depth: 5,
    });
    expect(await told("micro.teacher_chunked.pth")).toMatchObject({
      naming: "official",
      prefix: "teacher.backbone.",
      chunked: true,
      depth: 5,
    });
    expect(await told("micro.hf/model.safetensors")).toMatchObject({ naming: "hugging-face", depth: 5 });
    expect(await told("micro_reg.timm.safetensors")).toMatchObject({ naming: "timm", depth: 2 });
    await expect(told("micro.linear_head.pth")).rejects.toMatchObject({ code: "parameter-mismatch" });
  });
});

const small: Dinov2Options = { embedDim: 6, depth: 1, heads: 2, imageSizePx: 28 };

async function savedModel(
  options: Dinov2Options,
  metadata: Record<string, string> = {},
): Promise<Checkpoint> {
  const model = buildDinov2(options);
  const params = model.init(5);
  const checkpoint = checkpointFromTensors(await saveParams(model.specs, params), { metadata });
  disposeParams(params);
  return checkpoint;
}

const patchWeights = async (
  options: Dinov2Options,
  from: Checkpoint,
  fileBands?: string[],
): Promise<tf.Tensor4D> => {
  const params = await buildDinov2(options).load(from, { ...(fileBands && { fileBands }) });
  return params["patch_embed.proj.weight"] as tf.Tensor4D; // HWIO
};

const band = (weights: tf.Tensor4D, index: number): tf.Tensor =>
  tf.slice(weights, [0, 0, index, 0], [-1, -1, 1, -1]);

describeOnBackends(
  "bands",
  () => {
    const bands = ["B02", "B03", "B04", "B08"];

    it("puts red, green and blue where their names say", async () => {
      const file = await savedModel(small);
      const rgb = await patchWeights(small, file);
      const bgr = await patchWeights({ ...small, bands: ["B02", "B03", "B04"] }, file);
      for (const [to, from] of [2, 1, 0].entries()) await expectClose(band(bgr, to), band(rgb, from), exact);
    });

    it("reads the bands of a file from its metadata or the caller", async () => {
      const options = { ...small, bands: ["B02", "B03", "B04"] };
      const own = await patchWeights(options, await savedModel(options, { bands: "B02,B03,B04" }));
      const stated = await patchWeights(options, await savedModel(options), options.bands);
      await expectClose(stated, own, exact);
      await expect(patchWeights(small, await savedModel(small), ["B02"])).rejects.toMatchObject({
        code: "parameter-mismatch",
      });
    });

    it("makes what is missing as the inflation says", async () => {
      const file = await savedModel(small);
      const rgb = await patchWeights(small, file);
      const [red, green, blue] = [0, 1, 2].map((index) => band(rgb, index)) as [
        tf.Tensor,
        tf.Tensor,
        tf.Tensor,
      ];
      const three = tf.scalar(3 / 4);
      const made = (inflation: "mean" | "copy-red" | "cyclic" | "random") =>
        patchWeights({ ...small, bands, inflation }, file);
      const mean = await made("mean");
      await expectClose(band(mean, 0), tf.mul(blue, three));
      await expectClose(band(mean, 3), tf.mul(tf.div(tf.addN([red, green, blue]), 3), three));
      await expectClose(band(await made("copy-red"), 3), tf.mul(red, three));
      const cyclic = await made("cyclic");
      await expectClose(band(cyclic, 0), tf.mul(red, three));
      await expectClose(band(cyclic, 3), tf.mul(red, three));
      const random = await made("random");
      await expectClose(band(random, 2), red, exact);
      const spread = (values: tf.Tensor) => tf.sqrt(tf.mean(tf.square(values)));
      await expectClose(spread(band(random, 3)), spread(rgb), { atol: 0, rtol: 0.1 });
    });

    it("answers a grey image as before", async () => {
      const file = await savedModel(small);
      const grey = tf.randomNormal([1, 28, 28, 1], 0, 1, "float32", 8);
      const [three, four] = [buildDinov2(small), buildDinov2({ ...small, bands })];
      const before = three.forward(await three.load(file), tf.tile(grey, [1, 1, 1, 3]) as tf.Tensor4D);
      const after = four.forward(await four.load(file), tf.tile(grey, [1, 1, 1, 4]) as tf.Tensor4D);
      await expectClose(after.prenorm, before.prenorm);
    });
  },
  { backends: ["cpu"] },
);

describeOnBackends(
  "added blocks",
  () => {
    const file = () => savedModel({ ...small, depth: 2 });

    it.each(["zero-gamma", "zero-proj", "all-zero"] as const)(
      "%s: a copy of the last block that does nothing",
      async (extraBlocks) => {
        const warnings: string[] = [];
        const logger: Logger = { ...silentLogger, warn: (message) => warnings.push(message) };
        const model = buildDinov2({ ...small, depth: 3, baseDepth: 2, extraBlocks });
        const params = await model.load(await file(), { logger });
        const images = tf.randomNormal([1, 28, 28, 3], 0, 1, "float32", 2) as tf.Tensor4D;
        const base = buildDinov2({ ...small, depth: 2 });
        const expected = base.forward(await base.load(await file()), images);
        await expectClose(model.forward(params, images).prenorm, expected.prenorm, exact);
        await expectClose(params["blocks.2.attn.qkv.weight"]!, params["blocks.1.attn.qkv.weight"]!, exact);
        const size = async (name: string) => (await tf.sum(tf.abs(params[`blocks.2.${name}`]!)).data())[0]!;
        expect((await size("ls1.gamma")) === 0).toBe(extraBlocks !== "zero-proj");
        expect((await size("mlp.fc2.weight")) === 0).toBe(extraBlocks !== "zero-gamma");
        expect(warnings.length).toBe(extraBlocks === "all-zero" ? 1 : 0);
      },
    );

    it("loads a file that has the added block as it is", async () => {
      const options: Dinov2Options = { ...small, depth: 3, baseDepth: 2 };
      const model = buildDinov2(options);
      const params = model.init(9);
      const gamma = tf.fill([6], 0.5);
      const file = checkpointFromTensors(
        await saveParams(model.specs, { ...params, "blocks.2.ls1.gamma": gamma }),
      );
      await expectClose((await model.load(file))["blocks.2.ls1.gamma"]!, gamma, exact);
    });

    it("names what is missing when the file is shallower than said", async () => {
      const model = buildDinov2({ ...small, depth: 4, baseDepth: 3 });
      await expect(model.load(await file())).rejects.toMatchObject({
        code: "parameter-mismatch",
        message: expect.stringContaining("blocks.2.norm1.weight"),
      });
    });
  },
  { backends: ["cpu"] },
);
