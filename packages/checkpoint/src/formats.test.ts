import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { hasShared, sharedPath } from "@glof/test-kit";
import { describe, expect, it } from "vitest";
import { openCheckpoint } from "./index.js";

interface StatedTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly sha256_f32_le: string;
}

const dtypeWords: Record<string, string> = {
  F64: "float64",
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
  I64: "int64",
  I32: "int32",
  I16: "int16",
  I8: "int8",
  U8: "uint8",
  BOOL: "bool",
};

const here = hasShared("fixtures/dinov2/formats.json");
const formats: Record<string, { tensors: Record<string, StatedTensor> }> = here
  ? JSON.parse(readFileSync(sharedPath("fixtures/dinov2/formats.json"), "utf8"))
  : {};

describe.skipIf(!here)("checkpoints written by PyTorch and safetensors", () => {
  it.each(Object.keys(formats))("%s: every name, dtype, shape and value", async (path) => {
    const file = await openCheckpoint(sharedPath(`fixtures/dinov2/${path}`));
    const { tensors } = formats[path]!;
    expect([...file.entries.keys()].sort()).toEqual(Object.keys(tensors).sort());
    for (const [name, stated] of Object.entries(tensors)) {
      const entry = file.entries.get(name)!;
      expect([dtypeWords[entry.dtype], entry.shape]).toEqual([stated.dtype, stated.shape]);
      const values = await file.readFloat32(name);
      const hash = createHash("sha256").update(
        new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
      );
      expect(hash.digest("hex"), name).toBe(stated.sha256_f32_le);
    }
    await file.close();
  });

  it("opens every model file of the folder, heads included", async () => {
    for (const name of ["micro.linear_head.pth", "micro.linear4_head.pth", "odd.pth", "tiny_reg.pth"]) {
      const file = await openCheckpoint(sharedPath(`fixtures/dinov2/models/${name}`));
      expect(file.entries.size).toBeGreaterThan(0);
      await file.close();
    }
  });
});
