import { availableParallelism } from "node:os";
import { isGlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, describe, expect, it } from "vitest";
import { releaseBackend } from "./release_backend.js";
import { selectBackend } from "./select_backend.js";

afterEach(releaseBackend);

async function product(threads: number | undefined): Promise<{ facts: object; values: tf.TypedArray }> {
  const { details } = await selectBackend({ require: "wasm", threads });
  const result = tf.tidy(() => {
    const x = tf.reshape(tf.sin(tf.range(0, 400 * 300)), [400, 300]);
    return tf.matMul(x, x, true, false);
  });
  const values = await result.data();
  return { facts: details, values };
}

describe("threads of the wasm backend", () => {
  it("are as many as asked for, and give the same numbers", async () => {
    const one = await product(1);
    expect(one.facts).toMatchObject({ threads: 1, simd: true });
    await releaseBackend();
    const three = await product(3);
    expect(three.facts).toMatchObject({ threads: 3 });
    expect(three.values).toEqual(one.values);
  });

  it("are as many as processors where nobody says, and eight at most", async () => {
    const { details } = await selectBackend({ require: "wasm" });
    expect(details.threads).toBe(Math.min(8, availableParallelism()));
  });

  it.each([0, -1, 1.5, Number.NaN])("must be a count, not %d", (threads) => {
    let failure: unknown;
    try {
      void selectBackend({ require: "wasm", threads });
    } catch (error) {
      failure = error;
    }
    expect(isGlofError(failure, "bad-argument")).toBe(true);
  });
});
