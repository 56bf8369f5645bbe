import { stat } from "node:fs/promises";
import { writeSafetensors } from "@glof/checkpoint";
import { disposeParams, saveParams } from "@glof/nn";
import { selectBackend } from "@glof/runtime";
import { LakeSegmenter } from "@glof/segmenter";
import { buildDinov2 } from "@glof/vit-dinov2";
import * as ort from "onnxruntime-node";
import { beforeAll, describe, expect, it } from "vitest";
import { EXIT } from "../exit_codes.js";
import { useFolder, writeTinyBundle } from "../testing/made_up_files.js";
import { runGlof } from "../testing/run_glof.js";

const { path } = useFolder();

beforeAll(async () => {
  await selectBackend({ require: "cpu" });
  await writeTinyBundle(path("tiny.safetensors"));
  const model = buildDinov2({ embedDim: 66, depth: 1, heads: 3, imageSizePx: 28, registers: 1 });
  const params = model.init(1);
  await writeSafetensors(path("vit.safetensors"), await saveParams(model.specs, params));
  disposeParams(params);
});

describe("glof convert to ONNX", () => {
  it("writes a bundle that gives its probabilities", async () => {
    const { code, stderr } = await runGlof(
      "convert",
      path("tiny.safetensors"),
      path("a.onnx"),
      "--size",
      "28x42",
    );
    expect(code, stderr).toBe(EXIT.ok);
    expect(stderr).toMatch(/tiny, opset 20, \d\.\d MB in .*a\.onnx/);
    expect(stderr).toContain("image           [batch, 4, 28, 42]");
    expect(stderr).toContain("prob            [batch, 1, 28, 42]");
    const pixels = Float32Array.from({ length: 28 * 42 * 4 }, (_, index) => Math.sin(index));
    const planes = Float32Array.from(
      pixels,
      (_, at) => pixels[(at % (28 * 42)) * 4 + Math.floor(at / (28 * 42))]!,
    );
    const session = await ort.InferenceSession.create(path("a.onnx"));
    const { prob } = await session.run({ image: new ort.Tensor("float32", planes, [1, 4, 28, 42]) });
    await session.release();
    const segmenter = await LakeSegmenter.load(path("tiny.safetensors"));
    const expected = await segmenter.predictPixels(pixels, [1, 28, 42, 4]);
    segmenter.dispose();
    const got = prob!.data as Float32Array;
    expect(
      expected.reduce((most, value, index) => Math.max(most, Math.abs(value - got[index]!)), 0),
    ).toBeLessThan(1e-5);
    const again = await runGlof("convert", path("tiny.safetensors"), path("a.onnx"));
    expect(again.stderr).toMatch(/expected no earlier result here, got a\.onnx/);
    expect(again.code).toBe(EXIT.usage);
  });

  it("writes a backbone, deeper and with heads as told", async () => {
    const options = ["--heads", "3", "--depth", "2", "--opset", "17", "--layout", "nhwc"];
    const { code, stderr } = await runGlof("convert", path("vit.safetensors"), path("b.onnx"), ...options);
    expect(code, stderr).toBe(EXIT.ok);
    expect(stderr).toContain("image           [batch, 28, 28, 3]");
    expect(stderr).toContain("register_tokens [batch, 1, 66]");
    expect((await stat(path("b.onnx"))).size).toBeGreaterThan(66 * 66 * 4 * 12 * 2);
    const session = await ort.InferenceSession.create(path("b.onnx"));
    expect(session.outputNames).toEqual(["cls_token", "register_tokens", "patch_tokens"]);
    await session.release();
  });

  it("refuses options that would do nothing", async () => {
    const cases = [
      [["vit.safetensors", "c.onnx", "--heads", "3", "--dtype", "f16"], /expected no --dtype for .*c\.onnx/],
      [["vit.safetensors", "c.safetensors", "--size", "28"], /expected no --size for .*c\.safetensors/],
      [["vit.safetensors", "c.onnx"], /expected --heads for a width of 66/],
      [
        ["vit.safetensors", "c.onnx", "--heads", "3", "--normalise"],
        /expected no --normalise for a backbone/,
      ],
      [["tiny.safetensors", "c.onnx", "--heads", "3"], /expected no --heads for a bundle/],
      [["tiny.safetensors", "c.onnx", "--size", "30 by 30"], /It must be a size/],
      [["tiny.safetensors", "c.onnx", "--opset", "9"], /expected an opset from 17 to 22/],
    ] as const;
    for (const [[from, to, ...more], message] of cases) {
      const { code, stderr } = await runGlof("convert", path(from), path(to), ...more);
      expect(stderr).toMatch(message);
      expect(code).toBe(EXIT.usage);
    }
    await expect(stat(path("c.onnx"))).rejects.toThrow("ENOENT");
  });
});
