import { describe, expect, it } from "vitest";
import { runGlof } from "../testing/run_glof.js";
import { measureCase, medianOf } from "./bench_measure.js";

describe("measureCase", () => {
  it("takes the median of the repeats and leaves the first run out", async () => {
    let runs = 0;
    const waits = [60, 5, 5, 5, 5, 5];
    const one = {
      name: "waiting",
      flop: 1,
      run: () => new Promise<void>((resolve) => setTimeout(resolve, waits[runs++])),
      dispose: () => undefined,
    };
    const result = await measureCase(one, 2);
    expect(runs).toBe(6);
    expect(result.minMs).toBeLessThan(50);
    expect(result.ms).toBeGreaterThanOrEqual(result.minMs);
  });

  it("finds the middle of odd and even counts", () => {
    expect(medianOf([3, 1, 2])).toBe(2);
    expect(medianOf([4, 1, 3, 2])).toBe(2.5);
  });
});

describe("glof bench", () => {
  it("prints rates and the time of a scene as JSON", async () => {
    const { code, stdout } = await runGlof("bench", "--quick", "--backend", "wasm", "--json");
    expect(code).toBe(0);
    const { backend, cases, scene } = JSON.parse(stdout);
    expect(backend.name).toBe("wasm");
    expect(cases).toHaveLength(3);
    for (const { ms, stockMs, flop } of cases) {
      expect(ms).toBeGreaterThan(0);
      expect(stockMs).toBeGreaterThan(0);
      expect(flop).toBeGreaterThan(1e8);
    }
    expect(scene.sceneSeconds).toBeCloseTo((scene.tiles * cases[2].ms) / 1000, 6);
  }, 240_000);
});
