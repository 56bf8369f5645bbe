import { mkdir, readFile, writeFile } from "node:fs/promises";
import { serializeSafetensors, writeSafetensors, writeTorch } from "@glof/checkpoint";
import { disposeParams, saveParams } from "@glof/nn";
import { selectBackend } from "@glof/runtime";
import { buildDinov2Variant } from "@glof/vit-dinov2";
import { beforeAll, describe, expect, it } from "vitest";
import { EXIT } from "../exit_codes.js";
import { useFolder, writeTinyBundle } from "../testing/made_up_files.js";
import { runGlof } from "../testing/run_glof.js";

const { path } = useFolder();

describe("glof inspect", () => {
  beforeAll(async () => {
    await selectBackend({ require: "cpu" });
    const model = buildDinov2Variant("dinov2_vits14_reg", { depth: 2 });
    const params = model.init(1);
    const tensors = await saveParams(model.specs, params);
    disposeParams(params);
    await writeTorch(path("vits.pth"), tensors, { dtype: "F16", prefix: "model." });
    const { "blocks.1.ls1.gamma": _, ...rest } = tensors;
    const odd = { ...rest, "blocks.1.extra": { shape: [1], values: Float32Array.of(1) } };
    await writeSafetensors(path("odd.safetensors"), odd);
    await writeTinyBundle(path("tiny.safetensors"));
    await writeTinyBundle(path("tiny"));
  });

  it("lists tensors by block, with model, parameters, dtypes and what is missing", async () => {
    const { code, stdout } = await runGlof("inspect", path("vits.pth"));
    expect(code).toBe(EXIT.ok);
    expect(stdout).toContain(
      "vits.pth: pytorch-zip, 36 tensors, 4,305,792 parameters, 8.6 MB\ndtypes    F16 (36)\n" +
        "model     DINOv2 ViT-S/14 with registers, 2 blocks (the official has 12), 4,305,792 parameters\n" +
        "          width 384, MLP 1536, 4 registers, bands B04 B03 B02, positions of 518 px\n" +
        "names     official, under model.\nmissing   nothing\nunused    nothing\ntensors\n",
    );
    expect(stdout).toMatch(/\n {2}model\.blocks\.\{0-1\}\.attn\.qkv\.weight +F16 \[1152, 384\] {2}x 2\n/);
    expect(stdout).toMatch(/\n {2}model\.cls_token +F16 \[1, 1, 384\]\n/);
    const all = await runGlof("inspect", "--all", path("vits.pth"));
    expect(all.stdout.match(/\n {2}model\./g)).toHaveLength(36);
  });

  it("says what is missing and what nobody asked for", async () => {
    const { stdout } = await runGlof("inspect", path("odd.safetensors"));
    expect(stdout).toContain("missing   blocks.1.ls1.gamma\nunused    blocks.1.extra\n");
    const { stdout: json } = await runGlof("inspect", "--json", path("odd.safetensors"));
    const told = JSON.parse(json);
    expect(told).toMatchObject({
      kind: "weights",
      format: "safetensors",
      tensorCount: 36,
      dtypes: { F32: 36 },
      model: {
        variant: "dinov2_vits14_reg",
        depth: 2,
        missing: ["blocks.1.ls1.gamma"],
        unused: ["blocks.1.extra"],
      },
    });
    expect(told.tensors).toHaveLength(36);
    expect(told.tensors[0]).toEqual({
      name: "blocks.0.attn.proj.bias",
      dtype: "F32",
      shape: [384],
      bytes: 1536,
    });
  });

  it.each(["tiny.safetensors", "tiny"])("a bundle (%s): config, card, verified hash", async (name) => {
    const { stdout } = await runGlof("inspect", path(name));
    expect(stdout).toContain("bundle    tiny: untrained\n          bands B02 B03 B04 B08, threshold 0.5,");
    expect(stdout).toMatch(/sha256 {4}[0-9a-f]{64} \(verified\)/);
    expect(stdout).toContain("bands B02 B03 B04 B08, positions of 28 px");
    expect(stdout).toContain("besides   decoder.");
    const { stdout: json } = await runGlof("inspect", "--json", path(name));
    expect(JSON.parse(json)).toMatchObject({
      kind: "bundle",
      bundle: { card: { description: "untrained" } },
    });
  });

  it("a bundle whose weights were changed is refused", async () => {
    const bytes = await readFile(path("tiny.safetensors"));
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(path("changed.safetensors"), bytes);
    const { code, stderr } = await runGlof("inspect", path("changed.safetensors"));
    expect(stderr).toContain("expected weights with sha256");
    expect(code).toBe(EXIT.failed);
  });

  it("weights of something else, in a folder of Hugging Face", async () => {
    await mkdir(path("hf"));
    await writeFile(path("hf", "config.json"), "{}");
    const head = { "head.weight": { shape: [2, 3], values: new Float32Array(6) } };
    await writeFile(path("hf", "model.safetensors"), serializeSafetensors(head));
    const { code, stdout } = await runGlof("inspect", path("hf"));
    expect(code).toBe(EXIT.ok);
    expect(stdout).toContain("model     not known (");
    expect(stdout).toContain("  head.weight  F32 [2, 3]\n");
  });

  it("tells weights by content too, and refuses the rest by name", async () => {
    await writeFile(path("noname"), await readFile(path("vits.pth")));
    expect((await runGlof("inspect", path("noname"))).stdout).toContain("pytorch-zip");
    await writeFile(path("text.xyz"), "hello");
    await writeFile(path("cut.pth"), (await readFile(path("vits.pth"))).subarray(0, 5000));
    await writeFile(path("empty.pth"), "");
    const cases = [
      ["text.xyz", "expected weights"],
      ["absent.pth", "no such file"],
      ["cut.pth", "zip directory"],
      ["empty.pth", "an empty file"],
    ] as const;
    for (const [name, message] of cases) {
      const { code, stderr, stdout } = await runGlof("inspect", path(name));
      expect(stderr).toContain(message);
      expect(stdout).toBe("");
      expect(code).toBe(EXIT.failed);
    }
  });
});
