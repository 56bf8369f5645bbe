import { describeOnBackends } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { releaseBackend } from "./release_backend.js";
import { selectBackend } from "./select_backend.js";
import { freeUnusedGpuMemory } from "./webgpu_lifecycle.js";

interface BufferPool {
  acquireBuffer(size: number, usage: number): GPUBuffer;
  releaseBuffer(buffer: GPUBuffer): void;
}

const allocatedBytes = (): number =>
  (tf.memory() as tf.MemoryInfo & { numBytesAllocatedInGPU: number }).numBytesAllocatedInGPU;

/** Work on many sizes: each leaves buffers of its own size in the pool. */
async function workOnManySizes(): Promise<void> {
  for (let size = 100; size < 120; size++) {
    const sum = tf.tidy(() => tf.sum(tf.square(tf.ones([size, size]))));
    await sum.data();
    sum.dispose();
  }
}

describeOnBackends(
  "the pool of GPU buffers",
  () => {
    it("grows with every new size and is freed on request", async () => {
      await workOnManySizes();
      const before = allocatedBytes();
      expect(before).toBeGreaterThan(20 * 100 * 100 * 4);
      expect(freeUnusedGpuMemory()).toBe(before);
      expect(allocatedBytes()).toBe(0);
      await workOnManySizes();
      expect(allocatedBytes()).toBe(before);
    });

    it("hands out what was made first, in whatever order it came back", async () => {
      const { bufferManager: pool } = tf.backend() as unknown as { bufferManager: BufferPool };
      const take = () => pool.acquireBuffer(48, GPUBufferUsage.STORAGE);
      const made = [0, 1, 2, 3, 4].map(take);
      for (const order of [
        [4, 0, 3, 1, 2],
        [0, 1, 2, 3, 4],
        [2, 4, 1, 3, 0],
      ]) {
        for (const at of order) pool.releaseBuffer(made[at]!);
        expect([0, 1, 2, 3, 4].map(() => made.indexOf(take()))).toEqual([0, 1, 2, 3, 4]);
      }
      for (const buffer of made) pool.releaseBuffer(buffer);
    });

    it("hands out none again that the device had no memory for", async () => {
      const { device } = tf.backend() as unknown as { device: GPUDevice };
      const create = device.createBuffer.bind(device);
      const size = 4 * 1013;
      device.createBuffer = (given) =>
        given.size === size && !given.mappedAtCreation
          ? Object.defineProperty(create({ ...given, size: 2 ** 40 }), "size", { value: size })
          : create(given);
      const total = async (): Promise<number> => {
        const sum = tf.tidy(() => tf.sum(tf.square(tf.range(0, 1013))));
        const [value] = await sum.data().finally(() => sum.dispose());
        return value!;
      };
      try {
        await expect(total()).rejects.toMatchObject({ code: "out-of-memory" });
      } finally {
        device.createBuffer = create;
      }
      expect(await total()).toBeCloseTo((1012 * 1013 * 2025) / 6, -3);
    });

    it("stays within its limit", async () => {
      await releaseBackend();
      await selectBackend({ require: "webgpu", webgpu: { maxPooledBytes: 100_000 } });
      await workOnManySizes();
      expect(allocatedBytes()).toBeLessThan(300_000);
    });
  },
  { backends: ["webgpu"] },
);
