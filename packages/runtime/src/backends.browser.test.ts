import { expectNoTensorGrowth } from "@glof/test-kit/browser";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { checkKernels } from "./check_kernels.js";
import { describeMachine } from "./describe_machine.js";
import { kernelCases } from "./kernel_cases.js";
import { releaseBackend } from "./release_backend.js";
import { selectBackend } from "./select_backend.js";

/** The `.wasm` files as the test server serves them. */
const wasm = { path: "/packages/runtime/node_modules/@tensorflow/tfjs-backend-wasm/dist/" };

/** A software GPU takes most of its time to compile shaders: one case of each kind is enough here. */
const cases = kernelCases.filter(({ name }) =>
  /^(linear \+ gelu|layerNorm|groupNorm|attention|conv2d 3x3|convTranspose2d|resizeBilinear)/.test(name),
);

/** A forward pass that reads back only at its end. */
const product = (): tf.Tensor => tf.tidy(() => tf.sum(tf.matMul(tf.ones([64, 64]), tf.ones([64, 64]))));

describe.each(["webgpu", "wasm"] as const)("in a browser, %s", (backend) => {
  it("gives values and gradients of the operations of nn as the CPU reference does", async () => {
    const choice = await selectBackend({ require: backend, wasm });
    expect(choice.name).toBe(backend);
    const checks = await checkKernels(undefined, { cases });
    expect(tf.getBackend()).toBe(backend);
    expect(checks.filter(({ passed }) => !passed)).toEqual([]);
    expect(checks).toHaveLength(cases.length);
    await expectNoTensorGrowth(product);
  }, 180_000);

  it("starts afresh after releaseBackend", async () => {
    await releaseBackend();
    await selectBackend({ require: backend, wasm });
    const sum = product();
    expect((await sum.data())[0]).toBe(64 ** 3);
    sum.dispose();
  });
});

describe("in a browser", () => {
  it("a lost GPU device gives device-lost, and selectBackend goes on", async () => {
    await selectBackend({ require: "webgpu" });
    const { device } = tf.backend() as unknown as { device: GPUDevice };
    const old = product();
    device.destroy();
    await expect(old.data()).rejects.toMatchObject({ code: "device-lost" });
    await selectBackend({ require: "webgpu" });
    const fresh = product();
    expect((await fresh.data())[0]).toBe(64 ** 3);
    tf.dispose([old, fresh]);
  });

  it("wasm says what it needs when nobody told it where its files are", async () => {
    await releaseBackend();
    const missing = selectBackend({ require: "wasm" });
    await expect(missing).rejects.toThrow(/pass the folder of @tensorflow\/tfjs-backend-wasm\/dist/);
    const wrong = selectBackend({ require: "wasm", wasm: { path: "/nowhere/" } });
    await expect(wrong).rejects.toThrow(/the server answers 404|text\/html/);
  });

  it("tensorflow is refused", async () => {
    await expect(selectBackend({ require: "tensorflow" })).rejects.toThrow(/exists only in Node/);
  });

  it("describeMachine tells the adapter", async () => {
    const machine = await describeMachine();
    expect(machine.webgpu.adapters[0]?.isSoftware).toBe(true);
    expect(machine.platform.cores).toBeGreaterThan(0);
    expect(machine.packages).toEqual([]);
  });
});
