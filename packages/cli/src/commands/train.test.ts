import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { beginCog, crsFromEpsg } from "@glof/geo";
import { openBundle } from "@glof/segmenter";
import { beforeAll, describe, expect, it } from "vitest";
import { EXIT } from "../exit_codes.js";
import { useFolder, writeImage } from "../testing/made_up_files.js";
import { runGlof } from "../testing/run_glof.js";
import { readMask, readTruth } from "./read_labels.js";

const { path } = useFolder();

const yaml = (more = ""): string => `
out: run
name: tiny
backend: cpu
seed: 4
crop: 28
batch: 1
steps: 3
validateEvery: 1
model: { embedDim: 24, depth: 1, numHeads: 2, widths: { patch: 8, half: 8, full: 4 }, tile: 28, overlap: 7 }
train:
  - scenes: scenes
    group: made-up
validation:
  - { image: chip.tif, mask: mask.tif, lake: [7], other: [2], group: chip }
${more}`;

const readLog = async () =>
  (await readFile(path("run", "log.jsonl"), "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { kind: string; step: number; validation?: object });

beforeAll(async () => {
  await runGlof("synth", "--out", path("scenes"), "--count", "2", "--size", "48", "--season", "summer");
  await writeImage(path("chip.tif"), { width: 40, height: 40 });
  await writeImage(path("mask.tif"), {
    width: 40,
    height: 40,
    bandNames: ["mask"],
    dtype: "uint8",
    nodata: undefined,
    dn: (_, pixel) => (pixel % 3 === 0 ? 7 : 2),
  });
});

describe("glof train", () => {
  it("trains from scenes and masks to a bundle, and goes on where it was resumed", async () => {
    await writeFile(path("train.yaml"), yaml());
    const first = await runGlof("train", path("train.yaml"));
    expect(first.stderr).toContain("2 images to train on, 1 to validate on");
    expect(first.stderr).toMatch(/step 3: IoU 0\.\d+ {2}precision 0\.\d+ {2}recall 0\.\d+/);
    expect(first.code).toBe(EXIT.ok);
    const files = [
      "best.safetensors",
      "last.safetensors",
      "log.jsonl",
      "model.safetensors",
      "segmenter.json",
    ];
    expect((await readdir(path("run"))).sort()).toEqual(files);
    const bundle = await openBundle(path("run", "model.safetensors"));
    await bundle.checkpoint.close();
    expect(bundle.config).toMatchObject({ name: "tiny", tilePx: 28, bands: ["B02", "B03", "B04", "B08"] });
    expect(bundle.card).toMatchObject({ steps: 3, seed: 4 });
    expect((await readLog()).filter(({ kind }) => kind === "step").map(({ step }) => step)).toEqual([
      1, 2, 3,
    ]);

    await writeFile(path("train.yaml"), yaml().replace("steps: 3", "steps: 5"));
    const refused = await runGlof("train", path("train.yaml"));
    expect(refused.stderr).toContain("expected no earlier result here");
    expect(refused.code).toBe(EXIT.usage);
    const { code, stdout } = await runGlof("train", path("train.yaml"), "--resume", "--json");
    expect(code).toBe(EXIT.ok);
    const events = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events[0]).toMatchObject({ kind: "start", step: 3, steps: 5 });
    expect(events.at(-1)).toMatchObject({ kind: "end", step: 5, model: path("run", "model.safetensors") });
    expect((await readLog()).filter(({ kind }) => kind === "step").map(({ step }) => step)).toEqual([
      1, 2, 3, 4, 5,
    ]);
    const resumed = await openBundle(path("run", "model.safetensors"));
    await resumed.checkpoint.close();
    expect(resumed.config.normalisation).toEqual(bundle.config.normalisation);

    await writeFile(
      path("more.yaml"),
      yaml("init: run/model.safetensors\n").replace("out: run", "out: more"),
    );
    const both = await runGlof("train", path("more.yaml"));
    expect(both.stderr).toContain("expected init or model, got both");
    expect(both.code).toBe(EXIT.usage);
    const withInit = (await readFile(path("more.yaml"), "utf8")).replace(/^model:.*$/m, "");
    await writeFile(path("more.yaml"), withInit.replace("steps: 3", "steps: 1"));
    expect((await runGlof("train", path("more.yaml"), "--quiet")).stderr).toBe("");
    expect(await readdir(path("more"))).toContain("model.safetensors");
  });

  it.each([
    ["a folder without scenes", "scenes: scenes", "scenes: .", "scene.tif"],
    [
      "a mask of another size",
      "mask: mask.tif",
      "mask: scenes/0000/truth.tif",
      "expected the size of its image",
    ],
    ["an absent image", "image: chip.tif", "image: none.tif", "none.tif"],
    ["crops that the model cannot take", "crop: 28", "crop: 30", "got 30. Choose 42"],
    ["a band that is none", "seed: 4", "bands: [B02, B99]", "B99"],
  ])("refuses %s", async (_, from, to, message) => {
    await writeFile(path("bad.yaml"), yaml().replace("out: run", "out: bad").replace(from, to));
    const { code, stderr } = await runGlof("train", path("bad.yaml"));
    expect(stderr).toContain(message);
    expect(stderr).not.toContain("unexpected error");
    expect(code).not.toBe(EXIT.ok);
    await expect(readdir(path("bad"))).rejects.toThrow("ENOENT");
  });

  it("replaces an earlier run only when told to, and not before the new one can start", async () => {
    await mkdir(path("old"));
    await writeFile(path("old", "model.safetensors"), "precious");
    const old = yaml().replace("out: run", "out: old").replace("steps: 3", "steps: 1");
    await writeFile(path("old.yaml"), old.replace("scenes: scenes", "scenes: nowhere"));
    expect((await runGlof("train", path("old.yaml"), "--overwrite")).stderr).toContain("nowhere");
    expect(await readFile(path("old", "model.safetensors"), "utf8")).toBe("precious");
    await writeFile(path("old.yaml"), old);
    expect((await runGlof("train", path("old.yaml"), "--overwrite")).code).toBe(EXIT.ok);
    expect((await readFile(path("old", "model.safetensors"))).length).toBeGreaterThan(10_000);
  });

  it("refuses to go on with a run that is not there", async () => {
    await writeFile(path("bad.yaml"), yaml().replace("out: run", "out: bad"));
    const { code, stderr } = await runGlof("train", path("bad.yaml"), "--resume");
    expect(stderr).toContain("segmenter.json: no such file");
    expect(code).toBe(EXIT.failed);
  });
});

describe("labels", () => {
  const size = { width: 6, height: 1 };
  const write = async (name: string, bands: Record<string, number[]>) => {
    const writer = await beginCog(path(name), {
      grid: { ...size, geoTransform: [483_000, 10, 0, 3_095_000, 0, -10], crs: crsFromEpsg(32645) },
      dtype: "uint8",
      bandNames: Object.keys(bands),
      overviews: "nearest",
    });
    await writer.writeRows(
      Object.values(bands).map((values) => Uint8Array.from(values)),
      1,
    );
    await writer.close();
  };

  it("of made-up scenes: what can be seen, rivers left out", async () => {
    // Land, lake, lake under cloud, river, river under cloud, no data.
    await write("truth.tif", {
      lake: [0, 1, 1, 0, 0, 255],
      visible: [0, 1, 255, 0, 255, 255],
      water: [0, 1, 1, 1, 1, 255],
    });
    expect([...(await readTruth(path("truth.tif"), size))]).toEqual([0, 1, 255, 255, 255, 255]);
  });

  it("of one band: as they are", async () => {
    await write("plain.tif", { "": [0, 1, 2, 255, 1, 0] });
    expect([...(await readTruth(path("plain.tif"), size))]).toEqual([0, 1, 255, 255, 1, 0]);
    const values = { lake: [2, 255], other: [1] };
    expect([...(await readMask(path("plain.tif"), size, values))]).toEqual([255, 0, 1, 1, 0, 255]);
  });
});
