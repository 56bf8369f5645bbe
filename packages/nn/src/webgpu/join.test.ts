import { describeOnBackends, expectClose, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it, vi } from "vitest";
import { withReferenceKernels } from "../kernels/door.js";
import { adamUpdate } from "../ops/adam_update.js";
import { type AdamEntry, adamUpdateAll } from "../ops/adam_update_all.js";
import { joinSmall } from "../ops/join_small.js";
import { squareSums } from "../ops/square_sums.js";
import { seededTensor } from "../testing/directional_gradient.js";
import { installWebgpuKernels } from "./install.js";

/** Odd, single and even numbers, and one that is too large to be copied. */
const shapes = [[5, 7], [1], [], [256, 257], [3, 1, 3], [64]];
const numbers = {
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  amsgrad: false,
  shrink: 0.99,
  l2: 0.1,
  stepSize: 0.01,
  spreadScale: 1.5,
};

const seeded = (seed: string): tf.Tensor[] =>
  shapes.map((shape, at) => seededTensor(shape, `${seed}${at}`, -1, 1));

/** Two groups, and one parameter in its first step. */
function entriesOf(amsgrad = false): AdamEntry[] {
  const [params, grads, means, squares] = ["a", "b", "c", "d"].map(seeded) as tf.Tensor[][];
  return params!.map((param, at) => ({
    param,
    grad: grads![at]!,
    before: at === 4 ? {} : { mean: means![at], square: tf.square(squares![at]!) },
    numbers: { ...numbers, amsgrad, shrink: at % 2 === 0 ? 1 : 0.99 },
  }));
}

async function valuesOf(tensors: readonly tf.Tensor[]): Promise<number[][]> {
  return Promise.all(tensors.map(async (tensor) => [...(await tensor.data())]));
}

describeOnBackends(
  "joined tensors on WebGPU",
  () => {
    it("come apart as they were, whole numbers behind floats among them", async () => {
      await installWebgpuKernels();
      const whole = tf.cast(tf.tensor2d([1, 2, 3], [1, 3], "int32"), "float32");
      const tensors = [...seeded("a"), whole, tf.zeros([0, 3])];
      const { parts, split } = joinSmall(tensors);
      expect(parts.map(({ size }) => size)).toEqual([35 + 1 + 1 + 9 + 64 + 3, 256 * 257, 0]);
      const apart = split(parts);
      expect(apart.map(({ shape }) => shape)).toEqual(tensors.map(({ shape }) => shape));
      expect(await valuesOf(apart)).toEqual(await valuesOf(tensors));
      expect(withReferenceKernels(() => joinSmall(tensors).parts)).toHaveLength(tensors.length);
    });

    it("are updated by Adam as each alone is, bit for bit, in one dispatch a set and large tensor", async () => {
      const entries = entriesOf();
      const alone = entries.map(({ param, grad, before, numbers }) =>
        adamUpdate(param, grad, before, numbers),
      );
      const seen = vi.spyOn(GPUComputePassEncoder.prototype, "dispatchWorkgroups");
      const together = adamUpdateAll(entries);
      // Entries 0 and 2; 4, in its first step; 1 and 5; and 3, which is large.
      expect(seen).toHaveBeenCalledTimes(4);
      seen.mockRestore();
      for (const name of ["param", "mean", "square"] as const) {
        const [got, want] = [together, alone].map((updates) => updates.map((update) => update[name]));
        expect(got!.map(({ shape }) => shape)).toEqual(shapes);
        expect(await valuesOf(got!)).toEqual(await valuesOf(want!));
      }
    });

    it("are updated by AMSGrad as the composition does", async () => {
      const entries = entriesOf(true);
      const steps = () => adamUpdateAll(entries);
      const [got, want] = [steps(), withReferenceKernels(steps)];
      for (const name of ["param", "mean", "square", "largest"] as const) {
        for (const [at, update] of got.entries()) {
          await expectClose(update[name]!, want[at]![name]!, { atol: 1e-7, rtol: 1e-5 });
        }
      }
    });

    it("have their squares summed seven at a time", async () => {
      const tensors = [...seeded("a"), ...seeded("b")];
      const all = (await valuesOf(tensors)).flat();
      const want = all.reduce((sum, value) => sum + value * value, 0);
      const seen = vi.spyOn(GPUComputePassEncoder.prototype, "dispatchWorkgroups");
      const sums = squareSums(tensors);
      expect(seen).toHaveBeenCalledTimes(2);
      seen.mockRestore();
      const got = (await sums.data<"float32">()).reduce((sum, value) => sum + value, 0);
      expect(Math.abs(got / want - 1)).toBeLessThan(1e-7);
      const reference = await withReferenceKernels(() => squareSums(tensors)).data<"float32">();
      expect(reference.reduce((sum, value) => sum + value, 0) / want).toBeCloseTo(1, 5);
      await expectClose(tf.sum(squareSums([tf.tensor1d([Number.NaN, 1])])), [Number.NaN]);
    });

    it("leave neither tensors nor buffers behind", async () => {
      const entries = entriesOf();
      const work = async (): Promise<void> => {
        const updates = adamUpdateAll(entries);
        const sums = squareSums(updates.map(({ param }) => param));
        await sums.data();
        tf.dispose([sums, ...updates.map((update) => ({ ...update }))]);
      };
      await work();
      const bytes = (): number =>
        (tf.memory() as unknown as { numBytesAllocatedInGPU: number }).numBytesAllocatedInGPU;
      await work();
      const before = bytes();
      await expectNoTensorGrowth(work);
      expect(bytes()).toBe(before);
    });
  },
  { backends: ["webgpu"] },
);
