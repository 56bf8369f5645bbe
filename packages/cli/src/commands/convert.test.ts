import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { type Checkpoint, openCheckpoint, writeTorch } from "@glof/checkpoint";
import { disposeParams, saveParams } from "@glof/nn";
import { selectBackend } from "@glof/runtime";
import { openBundle } from "@glof/segmenter";
import { buildDinov2 } from "@glof/vit-dinov2";
import { beforeAll, describe, expect, it } from "vitest";
import { EXIT } from "../exit_codes.js";
import { useFolder, writeTinyBundle } from "../testing/made_up_files.js";
import { runGlof } from "../testing/run_glof.js";

const { path } = useFolder();

async function expectSameBits(from: string, to: string): Promise<void> {
  const [a, b] = await Promise.all([openCheckpoint(from), openCheckpoint(to)]);
  try {
    expect([...b.entries.keys()].sort()).toEqual([...a.entries.keys()].sort());
    for (const [name, { dtype, shape }] of a.entries) {
      expect(b.entries.get(name), name).toMatchObject({ dtype, shape });
      expect(Buffer.compare(await a.readBytes(name), await b.readBytes(name)), name).toBe(0);
    }
  } finally {
    await Promise.all([a.close(), b.close()]);
  }
}

async function withFile<T>(name: string, look: (file: Checkpoint) => Promise<T> | T): Promise<T> {
  const file = await openCheckpoint(name);
  try {
    return await look(file);
  } finally {
    await file.close();
  }
}

const convert = async (...args: readonly string[]): Promise<void> => {
  const { code, stderr } = await runGlof("convert", ...args, "-q");
  expect(stderr).toBe("");
  expect(code).toBe(EXIT.ok);
};

describe("glof convert", () => {
  const options = { embedDim: 8, depth: 2, heads: 2, imageSizePx: 28, ffn: "swiglu", registers: 2 } as const;
  beforeAll(async () => {
    await selectBackend({ require: "cpu" });
    const model = buildDinov2(options);
    const params = model.init(1);
    await writeTorch(path("a.pth"), await saveParams(model.specs, params));
    disposeParams(params);
    await writeTinyBundle(path("tiny.safetensors"));
  });

  it("changes the format and comes back with every bit", async () => {
    const { code, stderr } = await runGlof("convert", path("a.pth"), path("b.safetensors"));
    expect(stderr).toContain(`36 tensors in ${path("b.safetensors")}`);
    expect(stderr.match(/write: 1\/1 {2}/g)?.length ?? 0).toBeLessThan(2);
    expect(code).toBe(EXIT.ok);
    await expectSameBits(path("a.pth"), path("b.safetensors"));
    await convert(path("b.safetensors"), path("c.pt"));
    expect(await readFile(path("c.pt"))).not.toHaveLength(0);
    await expectSameBits(path("a.pth"), path("c.pt"));
    expect(await withFile(path("b.safetensors"), ({ metadata }) => metadata)).toEqual({ format: "pt" });
  });

  it("changes precision", async () => {
    await convert(path("a.pth"), path("half.pth"), "--dtype", "f16");
    const dtypes = await withFile(path("half.pth"), ({ entries }) =>
      [...entries.values()].map(({ dtype }) => dtype),
    );
    expect(new Set(dtypes)).toEqual(new Set(["F16"]));
    await convert(path("half.pth"), path("wide.safetensors"), "--dtype", "f32");
    await convert(path("wide.safetensors"), path("half2.pth"), "--dtype", "f16");
    await expectSameBits(path("half.pth"), path("half2.pth"));
  });

  it("changes names, in shards too, and comes back with every bit", async () => {
    const to = path("hf", "model.safetensors");
    await convert(path("a.pth"), to, "--names", "hf", "--max-shard-size", "4kB");
    const files = (await readdir(path("hf"))).sort();
    expect(files.at(-1)).toBe("model.safetensors.index.json");
    expect(files.length).toBeGreaterThan(3);
    const names = await withFile(`${to}.index.json`, ({ entries }) => [...entries.keys()]);
    expect(names).toContain("encoder.layer.1.attention.attention.key.bias");
    await convert(path("hf"), path("back.pth"), "--names", "official");
    await expectSameBits(path("a.pth"), path("back.pth"));
    await convert(path("a.pth"), path("timm.safetensors"), "--names", "timm");
    await convert(path("timm.safetensors"), path("official.pth"), "--names", "official");
    await convert(path("official.pth"), path("timm2.safetensors"), "--names", "timm");
    await expectSameBits(path("timm.safetensors"), path("timm2.safetensors"));
  });

  it("changes depth, keeping the names", async () => {
    await convert(path("hf"), path("deep.safetensors"), "--depth", "3", "--extra-blocks", "zero-proj");
    await withFile(path("deep.safetensors"), async (file) => {
      const at = "encoder.layer.2";
      expect(
        [...(await file.readFloat32(`${at}.mlp.weights_out.weight`))].every((value) => value === 0),
      ).toBe(true);
      const query = await file.readFloat32(`${at}.attention.attention.query.weight`);
      expect(query).toEqual(await file.readFloat32("encoder.layer.1.attention.attention.query.weight"));
    });
    await convert(path("deep.safetensors"), path("shallow.pth"), "--depth", "2", "--names", "official");
    await expectSameBits(path("a.pth"), path("shallow.pth"));
  });

  it("keeps a bundle a bundle, at another precision too, and takes the backbone out of one", async () => {
    await convert(path("tiny.safetensors"), path("tiny32.safetensors"), "--dtype", "f32");
    const bundle = await openBundle(path("tiny32.safetensors"));
    expect(bundle.config.name).toBe("tiny");
    await bundle.checkpoint.close();
    const { stderr } = await runGlof(
      "convert",
      path("tiny.safetensors"),
      path("bone.safetensors"),
      "--names",
      "official",
    );
    expect(stderr).toMatch(/warning: left out \d+ tensors that are not of the backbone: decoder\./);
    await withFile(path("bone.safetensors"), ({ entries, metadata }) => {
      expect(metadata).toEqual({ format: "pt", bands: "B02,B03,B04,B08" });
      expect([...entries.keys()].every((name) => !name.startsWith("decoder."))).toBe(true);
    });
  });

  it("replaces a file only when told to, itself too", async () => {
    await writeFile(path("precious.pth"), "precious");
    const refused = await runGlof("convert", path("a.pth"), path("precious.pth"));
    expect(refused.stderr).toContain("expected no earlier file");
    expect(refused.code).toBe(EXIT.usage);
    expect(await readFile(path("precious.pth"), "utf8")).toBe("precious");
    await convert(path("a.pth"), path("precious.pth"), "--force");
    await expectSameBits(path("a.pth"), path("precious.pth"));
    await convert(path("precious.pth"), path("precious.pth"), "--overwrite");
    await expectSameBits(path("a.pth"), path("precious.pth"));
  });

  it.each([
    [["out.npz"], "expected a name that ends in", EXIT.failed],
    [["out.pth", "--dtype", "int8"], "Allowed choices", EXIT.usage],
    [["out.pth", "--depth", "0"], "above 0", EXIT.usage],
    [["out.pth", "--extra-blocks", "zero-proj"], "expected --depth", EXIT.usage],
    [["out.pth", "--max-shard-size", "1kB"], "expected a .safetensors name", EXIT.usage],
    [["out.safetensors", "--max-shard-size", "many"], "such as 500MB", EXIT.usage],
  ] as const)("refuses %s", async ([to, ...flags], message, exitCode) => {
    await mkdir(path("none"), { recursive: true });
    const { code, stderr } = await runGlof("convert", path("a.pth"), path("none", to!), ...flags);
    expect(stderr).toContain(message);
    expect(code).toBe(exitCode);
    expect(await readdir(path("none"))).toEqual([]);
  });

  it("leaves nothing when the source is damaged or no backbone", async () => {
    await writeFile(path("cut.pth"), (await readFile(path("a.pth"))).subarray(0, -100));
    expect((await runGlof("convert", path("cut.pth"), path("none", "x.pth"))).code).toBe(EXIT.failed);
    await writeTorch(path("head.pth"), { w: { shape: [1], values: Float32Array.of(1) } });
    const { stderr } = await runGlof("convert", path("head.pth"), path("none", "x.pth"), "--names", "hf");
    expect(stderr).toContain("cls_token");
    expect(await readdir(path("none"))).toEqual([]);
    await rename(path("head.pth"), path("head2.pth"));
  });
});
