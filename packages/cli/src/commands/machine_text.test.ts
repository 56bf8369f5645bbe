import type { MachineDescription } from "@glof/runtime";
import { describe, expect, it } from "vitest";
import { checkText, machineText } from "./machine_text.js";

const machine: MachineDescription = {
  platform: {
    runtime: "node v22.1.0",
    system: "linux x64",
    cpu: "Some Processor",
    cores: 8,
    memoryBytes: 16 * 2 ** 30,
    freeMemoryBytes: 2 ** 30,
  },
  wasm: { simd: true, relaxedSimd: false, threads: false },
  webgpu: { adapters: [], problem: "WebGPU found no adapter" },
  packages: [
    { name: "@tensorflow/tfjs-core", version: "4.22.0", optional: false },
    { name: "@tensorflow/tfjs-node", version: undefined, optional: true, problem: "not installed" },
  ],
};

describe("machineText", () => {
  it("says what there is and why something is not", () => {
    expect(machineText(machine)).toEqual([
      "system     linux x64, node v22.1.0",
      "processor  Some Processor, 8 logical",
      "memory     16.0 GiB, 1.0 GiB free",
      "webgpu     none: WebGPU found no adapter",
      "wasm       SIMD yes, relaxed SIMD no",
      "packages   @tensorflow/tfjs-core 4.22.0",
      "           @tensorflow/tfjs-node: not installed",
    ]);
  });

  it("describes adapters", () => {
    const adapter = {
      vendor: "acme",
      architecture: "one",
      device: "",
      description: "",
      isSoftware: true,
      features: ["shader-f16"],
      limits: { maxStorageBufferBindingSize: 2 ** 30 },
    };
    const lines = machineText({
      ...machine,
      webgpu: { adapters: [adapter, { ...adapter, description: "ACME 7" }] },
    });
    expect(lines.slice(3, 5)).toEqual([
      "webgpu     acme, one (software: computes on the processor); f16 yes, largest buffer 1.0 GiB",
      "           ACME 7, one (software: computes on the processor); f16 yes, largest buffer 1.0 GiB",
    ]);
  });
});

describe("checkText", () => {
  it("says how far a kernel is off, or why it did not run", () => {
    const check = { name: "linear 3 x 4", passed: true, valueError: 0, gradientError: 0, worstRatio: 0.0312 };
    expect(checkText(check)).toBe(
      "  ok     linear 3 x 4                       error   3.1 % of the tolerance",
    );
    expect(checkText({ ...check, passed: false, problem: "no shader" })).toMatch(
      /^ {2}WRONG {2}linear.* no shader$/,
    );
  });
});
