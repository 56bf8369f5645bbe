import {
  type Checkpoint,
  checkpointFromTensors,
  openCheckpoint,
  serializeSafetensors,
} from "@glof/checkpoint";
import { isGlofError } from "@glof/core";
import { saveParams } from "@glof/nn";
import { describeOnBackends, hasShared, sharedPath } from "@glof/test-kit";
import { describe, expect, it } from "vitest";
import {
  buildDinov2,
  buildDinov2Variant,
  type Dinov2Naming,
  type Dinov2Options,
  type Dinov2Variant,
  describeDinov2,
  dinov2Variants,
  toNames,
  withDepth,
} from "../index.js";

const small: Dinov2Options = { embedDim: 8, depth: 2, heads: 2, imageSizePx: 28, mlpRatio: 3 };
const swiglu: Dinov2Options = { ...small, ffn: "swiglu", mlpRatio: 4 };
const registers = { registers: 2, positionOffset: 0, positionAntialias: true };

/** Random weights of which none is zero, mask token included. */
async function weightsOf(options: Dinov2Options, dtype: "F32" | "F16" | "BF16" = "F32"): Promise<Checkpoint> {
  const model = buildDinov2(options);
  const tensors = await saveParams(model.specs, model.init(3));
  for (const [index, { values }] of Object.values(tensors).entries()) {
    for (let at = 0; at < values.length; at++) values[at] = Math.sin(index * 31.7 + at + 1);
  }
  return openCheckpoint(serializeSafetensors(tensors, { dtype }));
}

async function expectSameBits(a: Checkpoint, b: Checkpoint): Promise<void> {
  expect([...a.entries.keys()].sort()).toEqual([...b.entries.keys()].sort());
  for (const [name, { dtype, shape }] of b.entries) {
    expect(a.entries.get(name), name).toMatchObject({ name, dtype, shape });
    expect(Buffer.compare(await a.readBytes(name), await b.readBytes(name)), name).toBe(0);
  }
}

const fixture = (name: string): Promise<Checkpoint> =>
  openCheckpoint(sharedPath(`fixtures/dinov2/models/${name}`));

describeOnBackends(
  "toNames",
  () => {
    it.each([
      ["MLP", small, "F32"],
      ["SwiGLU", swiglu, "F16"],
      ["registers", { ...swiglu, ...registers }, "BF16"],
      [
        "without LayerScale and biases",
        { ...small, layerScale: null, qkvBias: false, ffnBias: false },
        "F32",
      ],
    ] as const)("%s: to Hugging Face and back keeps every bit", async (_, options, dtype) => {
      const official = await weightsOf(options, dtype);
      const theirs = toNames(official, "hugging-face");
      expect([...theirs.entries.keys()].some((name) => /qkv|^blocks/.test(name))).toBe(false);
      await expectSameBits(toNames(theirs, "official"), official);
    });

    it.each([
      ["MLP", small],
      ["SwiGLU", swiglu],
    ])("%s: to timm and back loses the mask token alone", async (_, options) => {
      const official = await weightsOf(options);
      const back = toNames(toNames(official, "timm"), "official");
      const zeros = await back.readFloat32("mask_token");
      expect([...zeros]).toEqual(new Array(8).fill(0));
      const without = (file: Checkpoint): Checkpoint => ({
        ...file,
        entries: new Map([...file.entries].filter(([name]) => name !== "mask_token")),
      });
      await expectSameBits(without(back), without(official));
    });

    it("folds the cls position of register models for timm, and timm's files come back as they were", async () => {
      const official = await weightsOf({ ...swiglu, ...registers });
      const timm = toNames(official, "timm");
      expect(timm.entries.get("pos_embed")!.shape).toEqual([1, 4, 8]);
      expect(timm.entries.get("blocks.1.mlp.fc1.weight")!.shape).toEqual([48, 8]);
      const [token, position] = [
        await official.readFloat32("cls_token"),
        await official.readFloat32("pos_embed"),
      ];
      const sum = Float32Array.from(token, (value, at) => value + position[at]!);
      expect(await timm.readFloat32("cls_token")).toEqual(sum);
      expect(await timm.readFloat32("pos_embed")).toEqual(position.slice(8));
      await expectSameBits(toNames(toNames(timm, "official"), "timm"), timm);
      await expectSameBits(toNames(toNames(timm, "hugging-face"), "timm"), timm);
    });

    it("what it makes loads as what it came from", async () => {
      const official = await weightsOf(small);
      const model = buildDinov2(small);
      const expected = await model.load(official);
      for (const naming of ["hugging-face", "timm", "official"] as const) {
        const params = await model.load(toNames(official, naming));
        for (const name of ["pos_embed", "blocks.1.attn.qkv.weight", "blocks.0.ls2.gamma"]) {
          expect(await params[name]!.data()).toEqual(await expected[name]!.data());
        }
      }
    });
  },
  { backends: ["cpu"] },
);

describe.skipIf(!hasShared("fixtures/dinov2/models"))("names as their families write them", () => {
  const cases: [string, Dinov2Naming, string][] = [
    ["micro.pth", "hugging-face", "micro.hf/model.safetensors"],
    ["micro_reg.pth", "hugging-face", "micro_reg.hf/model.safetensors"],
    ["micro_swiglu.pth", "hugging-face", "micro_swiglu.hf/model.safetensors"],
    ["micro_reg.pth", "timm", "micro_reg.timm.safetensors"],
    ["micro_swiglu.pth", "timm", "micro_swiglu.timm.safetensors"],
    ["micro_swiglu.hf_sharded/model.safetensors.index.json", "official", "micro_swiglu.pth"],
    ["micro.hf/model.safetensors", "official", "micro.pth"],
    ["micro.teacher_chunked.pth", "official", "micro.pth"],
    ["micro_reg.model_wrapped.pth", "hugging-face", "micro_reg.hf/model.safetensors"],
  ];
  it.each(cases)("%s as %s is %s", async (from, naming, to) => {
    const [source, target] = [await fixture(from), await fixture(to)];
    await expectSameBits(toNames(source, naming), target);
    await Promise.all([source.close(), target.close()]);
  });
});

describe("describeDinov2", () => {
  const shapesOnly = (variant: Dinov2Variant, depth?: number): Checkpoint => {
    const { specs } = buildDinov2Variant(variant, depth === undefined ? {} : { depth });
    const entries = new Map(specs.map(({ name, shape }) => [name, { name, shape, dtype: "F32" as const }]));
    return { ...checkpointFromTensors({}), entries };
  };

  it.each(Object.keys(dinov2Variants) as Dinov2Variant[])(
    "knows %s in every naming, at any depth",
    (variant) => {
      for (const naming of ["official", "timm", "hugging-face"] as const) {
        const told = describeDinov2(toNames(shapesOnly(variant, 3), naming));
        expect(told.variant).toBe(variant);
        expect(told.recognized.naming).toBe(naming);
        expect(told.report).toMatchObject({ missing: [], unused: [], misshaped: [] });
        expect(told.config).toMatchObject({
          ...buildDinov2Variant(variant, { depth: 3 }).config,
          name: "memory",
          baseDepth: 3,
        });
      }
    },
  );

  it("says what is missing, unused and of another shape", () => {
    const file = shapesOnly("dinov2_vits14", 2);
    const entries = new Map(file.entries);
    entries.delete("blocks.1.norm2.bias");
    entries.set("blocks.1.extra", { name: "blocks.1.extra", shape: [1], dtype: "F32" });
    entries.set("norm.bias", { name: "norm.bias", shape: [1], dtype: "F32" });
    const { report } = describeDinov2({ ...file, entries });
    expect(report).toMatchObject({
      missing: ["blocks.1.norm2.bias"],
      unused: ["blocks.1.extra"],
      misshaped: [{ name: "norm.bias" }],
    });
  });

  it("refuses what is no backbone", () => {
    const head = checkpointFromTensors({ weight: { shape: [1], values: Float32Array.of(1) } });
    expect(() => describeDinov2(head)).toThrow(/cls_token/);
    const noBlocks = checkpointFromTensors({ cls_token: { shape: [1, 1, 1], values: Float32Array.of(1) } });
    expect(() => describeDinov2(noBlocks)).toThrow(
      expect.toSatisfy((error) => isGlofError(error, "bad-config")),
    );
  });
});

describeOnBackends(
  "withDepth",
  () => {
    it.each([
      ["zero-gamma", ["ls1.gamma", "ls2.gamma"]],
      ["zero-proj", ["attn.proj.weight", "attn.proj.bias", "mlp.fc2.weight", "mlp.fc2.bias"]],
    ] as const)("%s: appends a copy of the last block, zero where the mode says", async (mode, zero) => {
      const official = await weightsOf(small, "F16");
      const reads: string[] = [];
      const watched: Checkpoint = {
        ...official,
        readBytes: (name) => {
          reads.push(name);
          return official.readBytes(name);
        },
      };
      const deeper = withDepth(watched, 3, mode);
      expect(deeper.entries.get("blocks.2.attn.qkv.weight")).toMatchObject({ dtype: "F16", shape: [24, 8] });
      const inOrder = [...deeper.entries.values()].sort((a, b) => (a.offset ?? 0) - (b.offset ?? 0));
      for (const { name } of inOrder) {
        const part = /^blocks\.2\.(.+)$/.exec(name)?.[1];
        const bytes = await deeper.readBytes(name);
        if (part === undefined) expect(bytes).toEqual(await official.readBytes(name));
        else if ((zero as readonly string[]).includes(part))
          expect(bytes.every((byte) => byte === 0)).toBe(true);
        else expect(bytes).toEqual(await official.readBytes(`blocks.1.${part}`));
      }
      expect(reads.length).toBe(new Set(reads).size);
    });

    it("leaves out the last blocks", async () => {
      const official = await weightsOf(small);
      await expectSameBits(withDepth(withDepth(official, 4), 2), official);
      expect(() => withDepth(official, 0)).toThrow(
        expect.toSatisfy((error) => isGlofError(error, "bad-argument")),
      );
    });
  },
  { backends: ["cpu"] },
);
