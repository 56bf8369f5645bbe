import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasShared, sharedPath } from "@glof/test-kit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Checkpoint,
  castCheckpoint,
  checkpointFromTensors,
  openCheckpoint,
  saveCheckpoint,
} from "./index.js";

const source = checkpointFromTensors(
  {
    b: { shape: [3, 2], values: Float32Array.of(1, -2, 1 / 3, 65504, 1e-8, -0) },
    a: { shape: [], values: Float32Array.of(7) },
    steps: { shape: [2], values: Int32Array.of(1, 2 ** 30 + 1) },
    none: { shape: [0, 4], values: new Float32Array(0) },
  },
  { metadata: { bands: "B04" } },
);

async function expectEqual(path: string, expected: Checkpoint): Promise<void> {
  const file = await openCheckpoint(path);
  try {
    expect([...file.entries.keys()].sort()).toEqual([...expected.entries.keys()].sort());
    for (const [name, { dtype, shape }] of expected.entries) {
      expect(file.entries.get(name)).toMatchObject({ dtype, shape });
      expect(Buffer.compare(await file.readBytes(name), await expected.readBytes(name)), name).toBe(0);
    }
  } finally {
    await file.close();
  }
}

describe("saveCheckpoint", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "glof-save-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it.each(["x.safetensors", "x.pth", "x.pt", "x.BIN"])(
    "%s: every bit, with metadata where it fits",
    async (name) => {
      const path = join(folder, name);
      expect(await saveCheckpoint(path, source)).toEqual([path]);
      await expectEqual(path, source);
      const { metadata } = await openCheckpoint(path);
      expect(metadata).toEqual(name === "x.safetensors" ? { bands: "B04" } : {});
    },
  );

  it("keeps the order of a state dict", async () => {
    const file = await openCheckpoint(join(folder, "x.pth"));
    expect([...file.entries.keys()]).toEqual(["b", "a", "steps", "none"]);
    await file.close();
  });

  it.each(["F16", "BF16", "F32"] as const)("changes floats to %s and leaves integers", async (dtype) => {
    const cast = castCheckpoint(source, dtype);
    const path = join(folder, `${dtype}.pth`);
    await saveCheckpoint(path, cast);
    await expectEqual(path, cast);
    expect(cast.entries.get("b")!.dtype).toBe(dtype);
    expect(cast.entries.get("steps")!.dtype).toBe("I32");
    const third = (await cast.readFloat32("b"))[2]!;
    expect(third).toBe({ F32: Math.fround(1 / 3), F16: 0.333251953125, BF16: 0.333984375 }[dtype]);
  });

  it("writes shards of at most the limit with an index, all at once", async () => {
    const path = join(folder, "parts of it.safetensors");
    const paths = await saveCheckpoint(path, source, { maxShardBytes: 24 });
    const names = ["parts of it.safetensors.index.json", 1, 2].map((part) =>
      typeof part === "string" ? part : `parts of it-0000${part}-of-00002.safetensors`,
    );
    expect(paths).toEqual(names.map((name) => join(folder, name)));
    await expectEqual(paths[0]!, source);
    const index = JSON.parse(await readFile(paths[0]!, "utf8"));
    expect(index.metadata.total_size).toBe(36);
    expect(index.weight_map).toEqual({ b: names[1], a: names[2], steps: names[2], none: names[2] });
    await expect(saveCheckpoint(path, source, { maxShardBytes: 24 })).rejects.toMatchObject({
      code: "already-exists",
    });
    // All of it fits in one: no index.
    expect(await saveCheckpoint(path, source, { maxShardBytes: 36 })).toEqual([path]);
  });

  it("refuses to replace a file, another ending, shards of .pth; leaves nothing half-written", async () => {
    const path = join(folder, "kept.pth");
    await writeFile(path, "precious");
    await expect(saveCheckpoint(path, source)).rejects.toMatchObject({ code: "already-exists" });
    expect(await readFile(path, "utf8")).toBe("precious");
    await saveCheckpoint(path, source, { overwrite: true });
    await expectEqual(path, source);
    const before = await readdir(folder);
    await expect(saveCheckpoint(join(folder, "x.onnx"), source)).rejects.toMatchObject({
      code: "unsupported-format",
    });
    for (const maxShardBytes of [8, 0]) {
      await expect(saveCheckpoint(join(folder, "y.pth"), source, { maxShardBytes })).rejects.toMatchObject({
        code: "bad-argument",
      });
    }
    const signal = AbortSignal.abort();
    await expect(saveCheckpoint(join(folder, "y.pth"), source, { signal })).rejects.toMatchObject({
      code: "aborted",
    });
    const broken = { ...source, readBytes: () => Promise.reject(new Error("broken")) };
    await expect(saveCheckpoint(join(folder, "y.safetensors"), broken)).rejects.toThrow("broken");
    await expect(
      saveCheckpoint(join(folder, "z.safetensors"), broken, { maxShardBytes: 24 }),
    ).rejects.toThrow("broken");
    expect(await readdir(folder)).toEqual(before);
  });

  it.skipIf(!hasShared("fixtures/dinov2/models"))(
    "reads a file of torch.save from front to back",
    async () => {
      const file = await openCheckpoint(sharedPath("fixtures/dinov2/models/tiny.pth"));
      const offsets: number[] = [];
      const watched: Checkpoint = {
        ...file,
        readBytes: (name) => {
          offsets.push(file.entries.get(name)!.offset!);
          return file.readBytes(name);
        },
      };
      const path = join(folder, "tiny.pth");
      await saveCheckpoint(path, watched);
      expect(offsets.length).toBe(file.entries.size);
      expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
      await expectEqual(path, file);
      const copy = await openCheckpoint(path);
      expect([...copy.entries.keys()]).toEqual([...file.entries.keys()]);
      await Promise.all([copy.close(), file.close()]);
    },
  );
});
