import { selectBackend } from "@glof/runtime";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { compareOutput } from "./compare.js";

const facts = { dtype: "F32", shape: [3], atol: 0.1, rtol: 0.01 };
const want = Float32Array.of(1, -10, 0);

describe("compareOutput", () => {
  beforeAll(async () => {
    await selectBackend({ require: "cpu" });
  });

  it("allows atol + rtol |want| and no more", async () => {
    const within = await compareOutput("out.x", [1.1, -10.19, 0.099], want, facts);
    expect(within.passed).toBe(true);
    expect(within.ratio).toBeCloseTo(0.99, 2);
    const beyond = await compareOutput("out.x", [1, -10.21, 0], want, facts);
    expect(beyond).toMatchObject({ passed: false });
    expect(beyond.problem).toMatch(/element 1: got -10.21/);
  });

  it("tolerates nothing where numbers are exact", async () => {
    const exact = { ...facts, exact: true };
    expect((await compareOutput("out.x", want, want, exact)).passed).toBe(true);
    expect((await compareOutput("out.x", [1, -10, 1e-9], want, exact)).passed).toBe(false);
  });

  it("matches NaN and infinities with themselves only", async () => {
    const odd = Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, 1);
    expect((await compareOutput("out.x", [...odd], odd, facts)).passed).toBe(true);
    expect((await compareOutput("out.x", [0, Number.POSITIVE_INFINITY, 1], odd, facts)).passed).toBe(false);
    expect((await compareOutput("out.x", [Number.NaN, Number.NEGATIVE_INFINITY, 1], odd, facts)).passed).toBe(
      false,
    );
    expect((await compareOutput("out.x", [1, -10, Number.NaN], want, facts)).passed).toBe(false);
  });

  it("fails on absent results, other shapes and other lengths", async () => {
    expect((await compareOutput("out.x", undefined, want, facts)).problem).toBe("no such result");
    expect((await compareOutput("out.x", tf.tensor2d([[1, -10, 0]]), want, facts)).problem).toMatch(
      /shape \[1,3\]/,
    );
    expect((await compareOutput("out.x", [1], want, facts)).problem).toMatch(/1 values, want 3/);
  });
});
