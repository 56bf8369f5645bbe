import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCheckpoint, serializeSafetensors } from "@glof/checkpoint";
import { type GlofErrorCode, isGlofError } from "@glof/core";
import { disposeParams, type Params } from "@glof/nn";
import { describeOnBackends } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildLakeSegmenter } from "./build_lake_segmenter.js";
import { LakeSegmenter } from "./lake_segmenter.js";
import { type BundleSource, openBundle } from "./open_bundle.js";
import { saveBundle } from "./save_bundle.js";
import { tinyConfig } from "./test_segmenter.js";

const config = tinyConfig();
const card = { description: "made up for a test", scores: { iou: 0.5 }, extra: [1, 2] };

async function expectRefusal(code: GlofErrorCode, source: BundleSource): Promise<string> {
  try {
    (await LakeSegmenter.load(source)).dispose();
  } catch (error) {
    if (!isGlofError(error)) throw error;
    expect(`${error.code} (${error.message})`).toContain(`${code} (`);
    return error.message;
  }
  return expect.unreachable("nothing was refused");
}

describeOnBackends(
  "bundles",
  () => {
    let folder = "";
    let params: Params = {};
    let file = "";
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "glof-bundle-"));
      params = buildLakeSegmenter(config).init(1);
      file = join(folder, "tiny.safetensors");
      await saveBundle(file, { config, params, card });
    });
    afterAll(async () => {
      disposeParams(params);
      await rm(folder, { recursive: true });
    });

    const rewritten = async (change: (metadata: Record<string, string>) => void): Promise<Uint8Array> => {
      const bytes = await readFile(file);
      const length = Number(bytes.readBigUInt64LE(0));
      const header = JSON.parse(bytes.subarray(8, 8 + length).toString());
      change(header.__metadata__);
      const text = Buffer.from(JSON.stringify(header));
      const size = Buffer.alloc(8);
      size.writeBigUInt64LE(BigInt(text.length));
      return new Uint8Array(Buffer.concat([size, text, bytes.subarray(8 + length)]));
    };

    it.each(["tiny.safetensors", "folder/bundle"])("comes back as it was from %s", async (name) => {
      const path = join(folder, name);
      const sha256 = await saveBundle(path, { config, params, card, dtype: "F32" });
      const bundle = await openBundle(path);
      expect(bundle.config).toEqual(config);
      expect(bundle.card).toEqual(card);
      expect(bundle.sha256).toBe(sha256);
      const loaded = await buildLakeSegmenter(bundle.config).load(bundle.checkpoint);
      for (const [key, tensor] of Object.entries(params)) {
        expect(await loaded[key]!.data()).toEqual(await tensor.data());
      }
      disposeParams(loaded);
      await bundle.checkpoint.close();
      await saveBundle(file, { config, params, card });
    });

    it("holds half floats by default, from bytes as well as from a path", async () => {
      const segmenter = await LakeSegmenter.load(new Uint8Array(await readFile(file)));
      expect(segmenter.config).toEqual(config);
      expect(segmenter.sha256).toMatch(/^[0-9a-f]{64}$/);
      segmenter.dispose();
      const checkpoint = await openCheckpoint(file);
      expect([...checkpoint.entries.values()].every((entry) => entry.dtype === "F16")).toBe(true);
      expect([...checkpoint.entries.keys()].every((name) => /^(backbone|decoder)\./.test(name))).toBe(true);
      await checkpoint.close();
    });

    it("leaves only its own files behind", async () => {
      const path = join(folder, "clean");
      await saveBundle(path, { config, params, card });
      expect((await readdir(path)).sort()).toEqual(["config.json", "weights.safetensors"]);
    });

    it("frees everything on dispose and nothing twice", async () => {
      const before = tf.memory().numTensors;
      const segmenter = await LakeSegmenter.load(file);
      expect(tf.memory().numTensors).toBe(before + Object.keys(params).length);
      segmenter.dispose();
      segmenter.dispose();
      expect(tf.memory().numTensors).toBe(before);
      const window = { bandsRefl: config.bands.map(() => new Float32Array(1)), validMask: new Uint8Array(1) };
      await expect(segmenter.predictTile(window, [1, 1])).rejects.toThrow(/disposed/);
    });

    it("refuses other versions, other files and damage", async () => {
      const before = tf.memory().numTensors;
      const whole = new Uint8Array(await readFile(file));
      await expectRefusal("not-found", join(folder, "none.safetensors"));
      await expectRefusal("not-found", folder);
      await expectRefusal("unsupported-format", new TextEncoder().encode("no model at all, just text"));
      await expectRefusal("corrupt-file", whole.slice(0, whole.length - 100));
      await expectRefusal("corrupt-file", whole.slice(0, 500));
      const flipped = whole.slice();
      flipped[flipped.length - 7]! ^= 1;
      await expectRefusal("hash-mismatch", flipped);
      const newer = await rewritten((metadata) => {
        metadata.formatVersion = "2";
      });
      expect(await expectRefusal("bundle-mismatch", newer)).toContain("version 1, got 2");
      const broken = await rewritten((metadata) => {
        metadata.config = "{";
      });
      await expectRefusal("corrupt-file", broken);
      const plain = serializeSafetensors({ "a.weight": { shape: [1], values: new Float32Array(1) } });
      expect(await expectRefusal("bundle-mismatch", plain)).toContain("weights alone");
      const otherBands = await rewritten((metadata) => {
        const other = tinyConfig({ bands: ["B03", "B08"] });
        metadata.config = JSON.stringify(other);
      });
      expect(await expectRefusal("parameter-mismatch", otherBands)).toContain("backbone.patch_embed");
      expect(tf.memory().numTensors).toBe(before);
    });

    it("refuses a folder whose config or weights are not its own", async () => {
      const path = join(folder, "mixed");
      await saveBundle(path, { config, params, card });
      await writeFile(join(path, "config.json"), "[]");
      await expectRefusal("bundle-mismatch", path);
      await writeFile(join(path, "config.json"), "{");
      await expectRefusal("corrupt-file", path);
      await saveBundle(path, { config, params, card });
      const other = buildLakeSegmenter(config).init(2);
      await saveBundle(join(folder, "other"), { config, params: other, card });
      disposeParams(other);
      await writeFile(
        join(path, "weights.safetensors"),
        await readFile(join(folder, "other", "weights.safetensors")),
      );
      await expectRefusal("hash-mismatch", path);
    });

    it("refuses params of another model", async () => {
      const path = join(folder, "wrong.safetensors");
      const wrong = saveBundle(path, { config: tinyConfig({ depth: 3 }), params, card });
      await expect(wrong).rejects.toSatisfy((error) => isGlofError(error, "parameter-mismatch"));
      expect(await readdir(folder)).not.toContain("wrong.safetensors");
    });
  },
  { backends: ["cpu", "wasm"] },
);
