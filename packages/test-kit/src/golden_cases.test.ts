import { describe, expect, it } from "vitest";
import { goldenTolerance, readGoldenCases, readGoldenGroup } from "./golden_cases.js";
import { hasShared } from "./shared_folder.js";

describe.skipIf(!hasShared("fixtures"))("readGoldenCases", () => {
  it.each(["dinov2", "losses", "metrics", "optim", "ops", "peft"])("opens the cases of %s", async (group) => {
    const { cases, conventions } = readGoldenGroup(group);
    expect(cases.length).toBeGreaterThan(10);
    expect(conventions.check).toMatch(/atol/);
    const [first] = cases;
    const tensors = await first!.read();
    for (const [name, { shape }] of Object.entries({ ...first!.inputs, ...first!.expected })) {
      expect(tensors.get(name)?.shape).toEqual(shape);
      expect(tensors.get(name)?.values.length).toBe(shape.reduce((product, size) => product * size, 1));
    }
  });

  it("keeps only the kinds asked for", () => {
    const cases = readGoldenCases("ops", ["interpolate"]);
    expect(cases.length).toBeGreaterThan(5);
    expect(new Set(cases.map(({ kind }) => kind))).toEqual(new Set(["interpolate"]));
  });

  it("tolerates nothing where a case is exact", () => {
    expect(goldenTolerance({ dtype: "I32", shape: [], exact: true })).toEqual({ atol: 0, rtol: 0 });
    expect(goldenTolerance({ dtype: "F32", shape: [], atol: 1e-6, rtol: 0.1 })).toEqual({
      atol: 1e-6,
      rtol: 0.1,
    });
  });
});
