import type { BackendChoice } from "@glof/runtime";
import { describe, expect, it } from "vitest";
import { engineText } from "./engine_text.js";

const choice = (name: BackendChoice["name"], details: Record<string, unknown> = {}): BackendChoice => ({
  name,
  reason: "",
  details: { passedOver: [], ...details },
});

describe("engineText", () => {
  it("says what WebAssembly has and that ONNX Runtime would be faster", () => {
    const kernels = { reason: "SIMD kernels: relaxed SIMD with fused multiply-add, 2 threads." };
    const wasm = choice("wasm", { simd: true, kernels });
    expect(engineText(wasm, { isAvailable: true, version: "1.30.0" }, 8)).toEqual([
      "tfjs (default): wasm, on the CPU; SIMD kernels: relaxed SIMD with fused multiply-add, 2 threads",
      "ort: onnxruntime-node 1.30.0 works: glof map --engine ort runs on 8 threads of the CPU, faster than tfjs there",
    ]);
  });

  it("says when WebAssembly has no kernels of ours", () => {
    const [tfjs] = engineText(choice("wasm", { simd: true }), { isAvailable: true, version: "1.30.0" }, 2);
    expect(tfjs).toBe("tfjs (default): wasm, on the CPU with SIMD and TensorFlow.js's own kernels");
  });

  it("does not praise the CPU beside a GPU", () => {
    const [tfjs, ort] = engineText(choice("webgpu"), { isAvailable: true, version: "1.30.0" }, 2);
    expect(tfjs).toBe("tfjs (default): webgpu, on the GPU");
    expect(ort).toMatch(/2 threads of the CPU; the GPU is likely faster$/);
  });

  it("says why ONNX Runtime is not there and how to get it", () => {
    const absent = { isAvailable: false, version: undefined, problem: "onnxruntime-node is not installed" };
    expect(engineText(choice("cpu"), absent, 2)[1]).toBe(
      "ort: not available (onnxruntime-node is not installed); to have it: npm install onnxruntime-node",
    );
  });
});
