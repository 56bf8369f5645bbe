import { describeOnBackends } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { gelu, layerNorm, withReferenceKernels } from "../index.js";
import { installWebgpuKernels } from "./install.js";

/** Counts the bind groups that are made meanwhile. */
async function countGroups(work: () => Promise<void>): Promise<number> {
  const devices = GPUDevice.prototype;
  const original = devices.createBindGroup;
  let count = 0;
  devices.createBindGroup = function (this: GPUDevice, descriptor) {
    count++;
    return original.call(this, descriptor);
  };
  try {
    await work();
    return count;
  } finally {
    devices.createBindGroup = original;
  }
}

describeOnBackends(
  "bind groups",
  () => {
    const values = Array.from({ length: 24 }, (_, index) => Math.sin(index));
    const [gamma, beta] = [
      [1, 2, 3, 4],
      [0, 1, 0, -1],
    ];
    const norm = (rows: number, epsilon: number): Promise<Float32Array> => {
      const y = tf.tidy(() =>
        layerNorm(
          tf.tensor2d(values.slice(0, 4 * rows), [rows, 4]),
          tf.tensor1d(gamma!),
          tf.tensor1d(beta!),
          {
            epsilon,
          },
        ),
      );
      return y.data<"float32">().finally(() => y.dispose());
    };
    const expected = (rows: number, epsilon: number) =>
      withReferenceKernels(() => norm(rows, epsilon)).then((found) =>
        [...found].map((value) => expect.closeTo(value, 5)),
      );

    it("are found again, and never with other numbers or sizes than those of the call", async () => {
      await installWebgpuKernels();
      const calls: [rows: number, epsilon: number][] = [
        ...[0, 1, 2, 3].map((): [number, number] => [6, 1e-6]),
        ...[0, 1, 2].map((): [number, number] => [6, 0.5]),
        ...[0, 1, 2].map((): [number, number] => [3, 0.5]),
        [6, 1e-6],
      ];
      for (const call of calls) expect([...(await norm(...call))]).toEqual(await expected(...call));
      const before = tf.memory().numTensors;
      const made = await countGroups(async () => {
        for (let round = 0; round < 8; round++) await norm(6, 1e-6);
      });
      expect(made).toBeLessThan(8);
      expect(tf.memory().numTensors).toBe(before);
    });

    it("are all there after a few rounds, in whatever order a pool gets its buffers back", async () => {
      await installWebgpuKernels();
      const rounds = async (count: number): Promise<void> => {
        for (let round = 0; round < count; round++) {
          const kept = tf.tidy(() => [2, 0, 1].map((shift) => step(values.map((value) => value + shift))));
          // Another order of release each time.
          for (const at of [0, 1, 2]) kept[(at * (1 + (round % 2)) + round) % 3]!.dispose();
        }
        await norm(6, 1e-6);
      };
      const step = (numbers: number[]): tf.Tensor => {
        const x = tf.tensor2d(numbers, [6, 4]);
        return layerNorm(gelu(gelu(x)), tf.tensor1d(gamma!), tf.tensor1d(beta!));
      };
      await rounds(12);
      expect(await countGroups(() => rounds(12))).toBeLessThan(4);
    });
  },
  { backends: ["webgpu"] },
);
