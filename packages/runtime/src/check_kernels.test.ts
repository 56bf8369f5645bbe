import { useWebgpuPrecision } from "@glof/nn";
import { describeOnBackends } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { checkKernels, type KernelCheck } from "./check_kernels.js";
import { type CaseInputs, kernelCases } from "./kernel_cases.js";

describeOnBackends("checkKernels", (backend) => {
  it("finds every operation right, reports each as it comes and leaves nothing behind", async () => {
    const { numTensors } = tf.memory();
    const heard: KernelCheck[] = [];
    const checks = await checkKernels((check) => heard.push(check));
    expect(checks.filter(({ passed }) => !passed)).toEqual([]);
    expect(checks.map(({ name }) => name)).toEqual(kernelCases.map(({ name }) => name));
    expect(heard).toEqual(checks);
    expect(tf.getBackend()).toBe(backend);
    expect(tf.memory().numTensors).toBe(numTensors);
  }, 180_000);

  it("finds a wrong value, a wrong gradient and an operation that throws", async () => {
    const inputs = { x: [40, 50] };
    const isReference = () => tf.getBackend() === "cpu" && backend !== "cpu";
    const wrong = backend === "cpu" ? 0 : 0.01;
    const cases = [
      { name: "right", inputs, compute: ({ x }: Record<string, tf.Tensor>) => tf.mul(x!, 2) },
      {
        name: "value",
        inputs,
        compute: ({ x }: Record<string, tf.Tensor>) => tf.add(x!, isReference() ? 0 : wrong),
      },
      {
        name: "gradient",
        inputs,
        compute: ({ x }: Record<string, tf.Tensor>) =>
          tf.customGrad((a) => ({
            value: tf.mul(a as tf.Tensor, 1),
            gradFunc: (dy: tf.Tensor) => tf.mul(dy, isReference() ? 1 : 1 + wrong),
          }))(x!),
      },
      {
        name: "throws",
        inputs,
        compute: (): tf.Tensor => {
          throw new Error("no such kernel");
        },
      },
    ];
    const checks = await checkKernels(undefined, { cases });
    const expected = backend === "cpu" ? [true, true, true, false] : [true, false, false, false];
    expect(checks.map(({ passed }) => passed)).toEqual(expected);
    expect(checks[3]?.problem).toBe("no such kernel");
    if (backend === "cpu") return;
    expect(checks[1]?.valueError).toBeCloseTo(0.01, 5);
    expect(checks[1]?.gradientError).toBeLessThan(1e-5);
    expect(checks[2]?.gradientError).toBeCloseTo(0.01, 2);
    expect(checks[2]?.valueError).toBeLessThan(1e-5);
  });
});

describeOnBackends(
  "checkKernels on matrix units, emulated",
  () => {
    it("gives values room for operands in halves, and no more", async () => {
      await useWebgpuPrecision("f16", { emulate: true });
      const cases = kernelCases.filter(({ name }) => /^linear|attention/.test(name)).slice(0, 4);
      const checks = await checkKernels(undefined, { cases });
      expect(checks.filter(({ passed }) => !passed)).toEqual([]);
      // They were in use: single precision is a hundred times closer.
      expect(Math.max(...checks.map(({ valueError }) => valueError))).toBeGreaterThan(5e-4);
      const off = {
        ...cases[0]!,
        compute: (given: CaseInputs) => {
          const y = cases[0]!.compute(given);
          return tf.getBackend() === "cpu" ? y : tf.add(y, 0.03);
        },
      };
      expect(await checkKernels(undefined, { cases: [off] })).toMatchObject([{ passed: false }]);
      await useWebgpuPrecision("f32");
    });
  },
  { backends: ["webgpu"] },
);
