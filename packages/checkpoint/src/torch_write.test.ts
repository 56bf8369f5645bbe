import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { assembleFile } from "./file_layout.js";
import { openCheckpoint, serializeTorch, type TensorsToWrite, writeTorch } from "./index.js";
import { planTensors } from "./tensor_plan.js";
import { torchLayout } from "./torch_write.js";
import { ZipWriter } from "./zip_writer.js";

const bytesOf = (values: BigInt64Array | Float64Array): Uint8Array => new Uint8Array(values.buffer);

const tensors: TensorsToWrite = {
  "blocks.0.w": { shape: [2, 3], values: Float32Array.of(1, -2, 3.5, 65504, -0, Number.NaN) },
  scalar: { shape: [], values: Float32Array.of(7.25) },
  nothing: { shape: [0], values: new Float32Array(0) },
  hollow: { shape: [3, 0, 2], values: new Float32Array(0) },
  steps: { shape: [], dtype: "I64", bytes: bytesOf(BigInt64Array.of(2n ** 62n)) },
  long: { shape: [2], dtype: "I64", bytes: bytesOf(BigInt64Array.of(-1n, 5n)) },
  exact: { shape: [1], dtype: "F64", bytes: bytesOf(Float64Array.of(Math.PI)) },
  whole: { shape: [2], values: Int32Array.of(-7, 2 ** 31 - 1) },
  small: { shape: [2], values: Uint8Array.of(0, 255) },
  flags: { shape: [2], dtype: "BOOL", bytes: Uint8Array.of(1, 0) },
  "Größe.ключ": { shape: [1], values: Float32Array.of(1e-8) },
};

async function contentOf(source: string | Uint8Array) {
  const file = await openCheckpoint(source);
  const content: Record<string, unknown> = {};
  for (const { name, dtype, shape } of file.entries.values()) {
    content[name] = { dtype, shape, bytes: [...(await file.readBytes(name))] };
  }
  await file.close();
  return { format: file.format, content };
}

/** Name, data and CRC of each file of a zip, by its local headers, which a streaming reader goes by. */
function localFiles(zip: Uint8Array) {
  const view = new DataView(zip.buffer, zip.byteOffset, zip.byteLength);
  const files: { path: string; start: number; crc: number; bytes: Uint8Array }[] = [];
  for (let at = 0; view.getUint32(at, true) === 0x04034b50; ) {
    const nameLength = view.getUint16(at + 26, true);
    const start = at + 30 + nameLength + view.getUint16(at + 28, true);
    const end = start + view.getUint32(at + 18, true);
    const path = new TextDecoder().decode(zip.subarray(at + 30, at + 30 + nameLength));
    files.push({ path, start, crc: view.getUint32(at + 14, true), bytes: zip.subarray(start, end) });
    at = end;
  }
  return files;
}

describe("writing .pth", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "glof-torch-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("is read back with every name, dtype, shape and bit", async () => {
    const { format, content } = await contentOf(serializeTorch(tensors));
    expect(format).toBe("pytorch-zip");
    expect(Object.keys(content)).toEqual(Object.keys(tensors));
    for (const [name, tensor] of Object.entries(tensors)) {
      const bytes =
        "bytes" in tensor
          ? tensor.bytes
          : new Uint8Array(tensor.values.buffer, tensor.values.byteOffset, tensor.values.byteLength);
      expect(content[name]).toMatchObject({ shape: tensor.shape, bytes: [...bytes] });
    }
    expect(content.whole).toMatchObject({ dtype: "I32" });
    expect(content.small).toMatchObject({ dtype: "U8" });
    expect(content.flags).toMatchObject({ dtype: "BOOL" });
  });

  it("narrows floats and nothing else, and puts the prefix before each name", async () => {
    const { content } = await contentOf(serializeTorch(tensors, { dtype: "BF16", prefix: "model." }));
    expect(content["model.scalar"]).toEqual({ dtype: "BF16", shape: [], bytes: [0xe8, 0x40] });
    expect(content["model.exact"]).toMatchObject({ dtype: "F64" });
    expect(content["model.long"]).toMatchObject({ dtype: "I64" });
    expect(Object.keys(content).every((name) => name.startsWith("model."))).toBe(true);
  });

  it("lays out the archive as torch does: pickle first, storages at multiples of 64, true CRCs", () => {
    const files = localFiles(serializeTorch(tensors));
    expect(files.map(({ path }) => path)).toEqual([
      "archive/data.pkl",
      "archive/byteorder",
      ...Object.keys(tensors).map((_, index) => `archive/data/${index}`),
      "archive/version",
    ]);
    for (const { path, start, crc, bytes } of files) {
      expect(start % 64, path).toBe(0);
      expect(crc, path).toBe(crc32(bytes));
    }
    const pickle = new TextDecoder("latin1").decode(files[0]!.bytes);
    // Names that torch's weights_only loader allows, and no others.
    const globals = [...pickle.matchAll(/c([a-z._]+)\n(\w+)\n/g)].map((match) => `${match[1]}.${match[2]}`);
    expect(globals.sort()).toEqual([
      "collections.OrderedDict",
      "torch.BoolStorage",
      "torch.ByteStorage",
      "torch.DoubleStorage",
      "torch.FloatStorage",
      "torch.IntStorage",
      "torch.LongStorage",
      "torch._utils._rebuild_tensor_v2",
    ]);
  });

  it("uses zip64 records where numbers need them", async () => {
    const plan = planTensors("test", tensors, "F32");
    const wide = assembleFile(torchLayout(plan, { zip: new ZipWriter(0) }), plan);
    expect(await contentOf(wide)).toEqual(await contentOf(serializeTorch(tensors)));
    expect(wide.length).toBeGreaterThan(serializeTorch(tensors).length);
  });

  it("writes the same to disk, and leaves nothing where it fails", async () => {
    const path = join(folder, "weights.pth");
    await writeTorch(path, tensors, { dtype: "F16" });
    expect(new Uint8Array(await readFile(path))).toEqual(serializeTorch(tensors, { dtype: "F16" }));
    const wrong = { w: { shape: [3], values: new Float32Array(2) } };
    await expect(writeTorch(join(folder, "no.pth"), wrong)).rejects.toMatchObject({ code: "shape-mismatch" });
    expect(await readdir(folder)).toEqual(["weights.pth"]);
  });
});
