import type { MeasuredProblem } from "@glof/nn";
import { describe, expect, it } from "vitest";
import { tunedText } from "./doctor_tune.js";

describe("tunedText", () => {
  const problems: MeasuredProblem[] = [
    { name: "deep outer 5 x 6 x 7", form: "single 128", ms: { "single 64": 3, "single 128": 1.5 } },
    // A driver that refuses every form leaves nothing measured.
    { name: "deep outer 1 x 1 x 1", form: "single 64", ms: {} },
  ];

  it("says what each product takes and where the choices are kept", () => {
    const lines = tunedText({ name: "model", precision: "f32", problems, place: "/cache/file" });
    expect(lines[0]).toBe("model, f32");
    expect(lines[1]).toMatch(/1\.500 ms +single 128 +2\.00 x the slowest +deep outer 5 x 6 x 7$/);
    expect(lines[2]).toMatch(/not measured +single 64 +deep outer 1 x 1 x 1$/);
    expect(lines[3]).toBe("  kept in /cache/file");
  });

  it("says why they are not kept", () => {
    expect(tunedText({ name: "model", precision: "f16", problems: [], reason: "EACCES" })).toEqual([
      "model, f16",
      "  not kept: EACCES",
    ]);
  });
});
