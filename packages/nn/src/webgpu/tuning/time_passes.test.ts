import { afterEach, describe, expect, it, vi } from "vitest";
import type { PreparedPass } from "../compute_pass.js";
import type { ShaderBackend } from "../shader.js";
import { runsWorthMeasuring } from "./time_passes.js";

/** A device whose passes take so long, and whose clock counts tenths of a millisecond. */
function deviceWithCoarseClock(msOfPass: number): ShaderBackend {
  let now = 0;
  let recorded = 0;
  vi.spyOn(performance, "now").mockImplementation(() => Math.floor(now * 10) / 10);
  const encoder = {
    setPipeline: () => {},
    setBindGroup: () => {},
    dispatchWorkgroups: () => void recorded++,
    end: () => {},
  };
  const queue = {
    onSubmittedWorkDone: async () => {},
    submit: () => {
      now += recorded * msOfPass;
      recorded = 0;
    },
  };
  const createCommandEncoder = () => ({ beginComputePass: () => encoder, finish: () => ({}) });
  const device = { features: new Set<string>(), queue, createCommandEncoder };
  return { device } as unknown as ShaderBackend;
}

const pass = { groups: [1, 1, 1] } as unknown as PreparedPass;

describe("runsWorthMeasuring", () => {
  afterEach(() => vi.restoreAllMocks());

  it.each([0.003, 0.02, 0.09, 0.3, 7])("makes a measurement of passes of %d ms long", async (msOfPass) => {
    const { runs, ms } = await runsWorthMeasuring(deviceWithCoarseClock(msOfPass), [pass]);
    // Twenty-five grains of the clock: what it rounds is below 4 percent.
    expect(runs * msOfPass).toBeGreaterThan(2.4);
    expect(runs * msOfPass).toBeLessThan(Math.max(25, 2 * msOfPass));
    expect(ms).toBeCloseTo(runs * msOfPass, 0);
  });
});
