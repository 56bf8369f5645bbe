import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkpointFromTensors, openCheckpoint, serializeSafetensors, writeSafetensors } from "./index.js";

const tensors = {
  b: { shape: [2, 3], values: Float32Array.of(1, -2, 3.5, 65504, 1e-8, Number.NaN) },
  a: { shape: [], values: Int32Array.of(7) },
  empty: { shape: [0, 4], values: new Float32Array(0) },
};

function fileOf(header: unknown, dataBytes: number): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + json.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  return file;
}

const f32 = (begin: number, end: number, shape: unknown = [(end - begin) / 4]) => ({
  dtype: "F32",
  shape,
  data_offsets: [begin, end],
});

describe("safetensors round trip", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "glof-checkpoint-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("reads what it wrote, from bytes, Blob and path", async () => {
    const bytes = serializeSafetensors(tensors, { metadata: { made: "here" } });
    const path = join(folder, "x.safetensors");
    await writeSafetensors(path, tensors, { metadata: { made: "here" } });
    expect(new Uint8Array(await readFile(path))).toEqual(bytes);
    for (const source of [bytes, bytes.slice().buffer, new Blob([bytes.slice()]), path]) {
      const file = await openCheckpoint(source);
      expect(file.format).toBe("safetensors");
      expect(file.metadata).toEqual({ made: "here" });
      expect([...file.entries.keys()]).toEqual(["a", "b", "empty"]);
      expect(file.entries.get("b")).toMatchObject({ dtype: "F32", shape: [2, 3] });
      expect(await file.readFloat32("b")).toEqual(tensors.b.values);
      expect(await file.readFloat32("a")).toEqual(Float32Array.of(7));
      expect(await file.readFloat32("empty")).toEqual(new Float32Array(0));
      await file.close();
    }
  });

  it("starts its tensors at a multiple of 8 bytes", () => {
    const bytes = serializeSafetensors(tensors);
    expect(Number(new DataView(bytes.buffer).getBigUint64(0, true)) % 8).toBe(0);
  });

  it.each(["F16", "BF16"] as const)("narrows to %s and back", async (dtype) => {
    const file = await openCheckpoint(serializeSafetensors(tensors, { dtype }));
    const values = await file.readFloat32("b");
    expect(file.entries.get("b")!.dtype).toBe(dtype);
    expect([...values.subarray(0, 3)]).toEqual([1, -2, 3.5]);
    expect(values[3]).toBe(dtype === "F16" ? 65504 : 65536);
    expect(values[5]).toBeNaN();
  });

  it("refuses values that do not fill their shape", () => {
    const wrong = { w: { shape: [3], values: new Float32Array(2) } };
    expect(() => serializeSafetensors(wrong)).toThrow(/expected 3 values for "w"/);
    expect(() => checkpointFromTensors(wrong)).toThrow(/expected 3 values for "w"/);
  });

  it("gives a checkpoint over values at hand, whose reads are copies", async () => {
    const memory = checkpointFromTensors(tensors, { name: "mine" });
    const read = await memory.readFloat32("b");
    read[0] = 99;
    expect(tensors.b.values[0]).toBe(1);
    expect(memory.entries.get("a")).toEqual({ name: "a", shape: [], dtype: "I32" });
    await expect(memory.readFloat32("nope")).rejects.toMatchObject({ code: "not-found" });
  });
});

describe("hostile safetensors", () => {
  const huge = new Uint8Array(16);
  new DataView(huge.buffer).setBigUint64(0, 2n ** 63n, true);
  huge[8] = 0x7b;
  const cases: [string, Uint8Array, string][] = [
    ["header of 2^63 bytes", huge, "limit-exceeded"],
    ["header longer than the file", fileOf({}, 0).fill(0x7f, 0, 1), "corrupt-file"],
    ["not JSON", fileOf("{nope", 0), "corrupt-file"],
    ["not UTF-8", fileOf("{", 0).fill(0xff, 9), "corrupt-file"],
    ["overlap", fileOf({ a: f32(0, 8), b: f32(4, 12) }, 12), "corrupt-file"],
    ["hole", fileOf({ a: f32(0, 4), b: f32(8, 12) }, 12), "corrupt-file"],
    ["cut short", fileOf({ a: f32(0, 8) }, 4), "corrupt-file"],
    ["bytes left over", fileOf({ a: f32(0, 4) }, 8), "corrupt-file"],
    ["size that disagrees with the shape", fileOf({ a: f32(0, 8, [3]) }, 8), "corrupt-file"],
    ["negative size", fileOf({ a: f32(0, 8, [-2, -1]) }, 8), "corrupt-file"],
    ["overflowing shape", fileOf({ a: f32(0, 0, [2 ** 40, 2 ** 40, 0]) }, 0), "corrupt-file"],
    ["negative offset", fileOf({ a: f32(-4, 4) }, 8), "corrupt-file"],
    ["fractional offset", fileOf({ a: f32(0.5, 4.5, [1]) }, 8), "corrupt-file"],
    ["no shape", fileOf({ a: { dtype: "F32", data_offsets: [0, 4] } }, 4), "corrupt-file"],
    ["null entry", fileOf({ a: null }, 0), "corrupt-file"],
    ["unknown dtype", fileOf({ a: { ...f32(0, 4), dtype: "F8_E4M3" } }, 4), "unsupported-feature"],
    [
      "dtype of Object's own",
      fileOf({ a: { ...f32(0, 4), dtype: "constructor" } }, 4),
      "unsupported-feature",
    ],
    ["metadata of numbers", fileOf({ __metadata__: { a: 1 } }, 0), "corrupt-file"],
    ["empty file", new Uint8Array(0), "unsupported-format"],
    ["text", new TextEncoder().encode("hello there, no tensors"), "unsupported-format"],
  ];
  it.each(cases)("%s", async (_, bytes, code) => {
    await expect(openCheckpoint(bytes)).rejects.toMatchObject({ name: "GlofError", code });
  });

  it("names a file that is not there, and a folder", async () => {
    await expect(openCheckpoint("/nowhere/x.safetensors")).rejects.toMatchObject({ code: "not-found" });
    await expect(openCheckpoint(tmpdir())).rejects.toMatchObject({ code: "io" });
  });
});
