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
    const result = await measureCase(one, { repeats: 2, mostMs: 60_000 });
    expect(runs).toBe(6);
    expect(result.minMs).toBeLessThan(50);
    expect(result.ms).toBeGreaterThanOrEqual(result.minMs);
  });

  it("takes a run that is too long as the measurement, and leaves the stock kernels out", async () => {
    let runs = 0;
    const run = () => new Promise<void>((resolve) => setTimeout(resolve, runs++ === 0 ? 30 : 1));
    const one = { name: "slow", flop: 1, run, dispose: () => undefined };
    const result = await measureCase(one, { repeats: 7, mostMs: 10 });
    expect(runs).toBe(1);
    expect(result).toMatchObject({ repeats: 1, stockMs: null });
    expect(result.ms).toBeGreaterThan(25);
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
    const { backend, machine, cases, scene } = JSON.parse(stdout);
    expect(machine.cores).toBeGreaterThan(0);
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
