import { isGlofError, type Logger, silentLogger } from "@glof/core";
import { describeOnBackends, expectClose, useSoftwareVulkan } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { releaseBackend } from "./release_backend.js";
import { type SelectBackendOptions, selectBackend } from "./select_backend.js";
import type { BackendName } from "./types.js";

/** A small graph of operations that every backend has kernels for; the same numbers come out of plain loops. */
function smallGraph(): tf.Tensor {
  return tf.tidy(() => {
    const x = tf.reshape(tf.linspace(-1, 1, 2 * 6 * 5 * 3), [2, 6, 5, 3]) as tf.Tensor4D;
    const filter = tf.reshape(tf.linspace(0.5, -0.5, 3 * 3 * 3 * 4), [3, 3, 3, 4]) as tf.Tensor4D;
    const features = tf.relu(tf.conv2d(x, filter, 1, "same"));
    return tf.softmax(tf.reshape(features, [2 * 6 * 5, 4]));
  });
}

describeOnBackends("selectBackend", (backend) => {
  it("computes the numbers of the cpu backend", async () => {
    const got = await smallGraph().data();
    await selectBackend({ require: "cpu" });
    const want = await smallGraph().data();
    await selectBackend({ require: backend });
    await expectClose(got, want, { atol: 1e-6, rtol: 1e-5 });
  });

  it("keeps what runs when it is called again", async () => {
    const before = tf.findBackend(backend);
    await Promise.all([selectBackend({ require: backend }), selectBackend({ require: backend })]);
    expect(tf.findBackend(backend)).toBe(before);
    expect(tf.getBackend()).toBe(backend);
  });

  it("starts afresh after releaseBackend, and old tensors can still be disposed", async () => {
    const { numTensors } = tf.memory();
    const old = tf.matMul(tf.ones([64, 64]), tf.ones([64, 64]));
    await old.data();
    await releaseBackend();
    const choice = await selectBackend({ require: backend });
    expect(choice.name).toBe(backend);
    const fresh = smallGraph();
    expect((await fresh.data())[0]).toBeGreaterThan(0);
    if (backend !== "cpu") expect(tf.findBackend(backend)?.numDataIds()).toBeLessThan(10);
    tf.dispose([old, fresh]);
    // The two ones() stay until their scope ends; nothing else may.
    expect(tf.memory().numTensors).toBeLessThanOrEqual(numTensors + 2);
  });
});

describe("selectBackend without require", () => {
  beforeAll(useSoftwareVulkan);
  afterEach(releaseBackend);

  it("prefers wasm to a GPU that is none, and says why", async () => {
    const lines: string[] = [];
    const logger: Logger = { ...silentLogger, info: (message) => lines.push(message) };
    const choice = await selectBackend({ logger });
    expect(choice.name).toBe("wasm");
    expect(choice.details.passedOver.map(({ name }) => name)).toEqual(["webgpu", "tensorflow"]);
    expect(choice.reason).toMatch(/webgpu \(its adapter, .*SwiftShader.* computes on the processor\)/);
    expect(choice.reason).toMatch(/@tensorflow\/tfjs-node-gpu is not installed/);
    expect(lines).toEqual([`backend: ${choice.reason}`]);
  });

  it("takes a software GPU when the list has nothing better", async () => {
    const choice = await selectBackend({ prefer: ["webgpu", "cpu"] });
    expect(choice.name).toBe("webgpu");
    expect(choice.details).toMatchObject({ adapter: { isSoftware: true } });
  });

  it("goes on after a backend that does not start", async () => {
    const choice = await selectBackend({ prefer: ["wasm", "cpu"], wasm: { path: "/nowhere/" } });
    expect(choice.name).toBe("cpu");
    expect(choice.details.passedOver[0]?.reason).toMatch(/\/nowhere\/tfjs-backend-wasm-simd\.wasm/);
    expect((await selectBackend({ prefer: ["wasm"] })).name).toBe("wasm");
  });
});

describe("selectBackend refuses", () => {
  it("an absent backend that is required, without a fall-back", async () => {
    const error: unknown = await selectBackend({ require: "tensorflow" }).catch((thrown: unknown) => thrown);
    expect(isGlofError(error, "backend-unavailable")).toBe(true);
    expect(String(error)).toMatch(/tfjs-node-gpu is not installed; @tensorflow\/tfjs-node is not installed/);
    expect(String(error)).toMatch(/Do run npm install @tensorflow\/tfjs-node/);
  });

  it("when nothing of the list is left, naming all that was tried", async () => {
    const error = selectBackend({ prefer: ["tensorflow", "wasm"], wasm: { path: "/nowhere/" } });
    await expect(error).rejects.toMatchObject({
      code: "backend-unavailable",
      details: { passedOver: [{ name: "tensorflow" }, { name: "wasm" }] },
    });
  });

  it.each<SelectBackendOptions>([
    { require: "webgl" as BackendName },
    { prefer: [] },
    { prefer: ["cpu", "cuda" as BackendName] },
  ])("an unknown or empty choice: %o", (options) => {
    expect(() => selectBackend(options)).toThrowError(expect.objectContaining({ code: "bad-argument" }));
  });
});
