import { describeOnBackends } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, expect, it } from "vitest";
import { selectBackend } from "./select_backend.js";
import type { RunningWebgpu } from "./webgpu_backend.js";

const currentDevice = (): GPUDevice => (tf.backend() as RunningWebgpu["backend"]).device;

const product = (): tf.Tensor => tf.tidy(() => tf.matMul(tf.ones([40, 40]), tf.ones([40, 40])));

describeOnBackends(
  "a WebGPU device",
  () => {
    beforeEach(async () => {
      await selectBackend({ require: "webgpu" });
    });
    afterEach(async () => {
      await selectBackend({ require: "webgpu" });
    });

    it("that is lost gives device-lost for what is under way", async () => {
      const tensor = product();
      const reading = tensor.data();
      currentDevice().destroy();
      await expect(reading).rejects.toMatchObject({ name: "GlofError", code: "device-lost" });
      tensor.dispose();
    });

    it("that is lost gives device-lost for every later operation and read", async () => {
      const tensor = product();
      const device = currentDevice();
      device.destroy();
      await device.lost;
      await expect(tensor.data()).rejects.toMatchObject({ code: "device-lost" });
      expect(product).toThrowError(expect.objectContaining({ code: "device-lost" }));
      expect(product).toThrowError(/Do call selectBackend again/);
      tensor.dispose();
    });

    it("that is lost is replaced by selectBackend", async () => {
      const { numTensors } = tf.memory();
      const old = product();
      const lost = currentDevice();
      lost.destroy();
      await lost.lost;
      const choice = await selectBackend({ require: "webgpu" });
      expect(choice.name).toBe("webgpu");
      expect(currentDevice()).not.toBe(lost);
      const fresh = product();
      expect((await fresh.data())[0]).toBe(40);
      tf.dispose([old, fresh]);
      expect(tf.memory().numTensors).toBe(numTensors);
    });

    it("turns an invalid command into an error of the next read, once", async () => {
      currentDevice().createBuffer({ size: 16, usage: 0 });
      const tensor = product();
      await expect(tensor.data()).rejects.toMatchObject({
        code: "internal",
        details: { errorCount: 1 },
      });
      expect((await tensor.data())[0]).toBe(40);
      tensor.dispose();
    });

    it("that is asked for more than a buffer can hold gives out-of-memory, and goes on", async () => {
      const huge = tf.fill([40_000, 40_000], 1);
      await expect(huge.data()).rejects.toMatchObject({ code: "out-of-memory" });
      huge.dispose();
      const tensor = product();
      expect((await tensor.data())[0]).toBe(40);
      tensor.dispose();
    });

    it("says what to do instead of dataSync", () => {
      const tensor = product();
      expect(() => tensor.dataSync()).toThrowError(/Do use await tensor\.data\(\)/);
      tensor.dispose();
    });
  },
  { backends: ["webgpu"] },
);
