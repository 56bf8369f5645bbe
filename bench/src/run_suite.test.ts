import { describe, expect, it } from "vitest";
import type { Suite } from "./bench_case.js";
import { agreementOf, runSuite, type SuiteResult } from "./run_suite.js";

describe("agreementOf", () => {
  it("holds each part against its own greatest value", () => {
    const ours = Float32Array.of(100, 50, 0.01, 0.02);
    const theirs = Float32Array.of(100.5, 50, 0.01, 0.03);
    expect(agreementOf(ours, theirs).relative).toBeCloseTo(0.005, 6);
    const parted = agreementOf(ours, theirs, [2, 2]);
    expect(parted.relative).toBeCloseTo(0.5, 5);
    expect(parted.maxAbsDifference).toBeCloseTo(0.5, 5);
  });

  it("has no number for results of another length", () => {
    expect(agreementOf(Float32Array.of(1, 2), Float32Array.of(1)).problem).toMatch(
      /1 values where ours has 2/,
    );
  });
});

describe("runSuite", () => {
  const task = { kind: "polygonize", args: {} };
  const [first, second] = ["first", "second"].map((name) => ({ name, task, flop: 0, bytes: 1 }));
  const suite: Suite = {
    ...{ name: "polygonize", about: "", freshProcesses: true, sides: [] },
    cases: [first!, second!],
  };
  const options = {
    sides: [],
    launch: { backend: "cpu", cache: "", python: undefined, robustness: true },
    repeats: { repeats: 1, leastMs: 0, mostMs: 1 },
  } as const;

  it("takes over what is known and names what it left", async () => {
    const measured: string[] = [];
    const onCase = ({ name }: { name: string }, soFar: SuiteResult) =>
      measured.push(`${name}, left ${soFar.left.join(",")}`);
    const whole = await runSuite(suite, { ...options, onCase });
    expect(measured).toEqual(["first, left second", "second, left "]);
    expect(whole.cases.map(({ name }) => name)).toEqual(["first", "second"]);
    expect(Date.parse(whole.cases[0]!.at)).toBeLessThanOrEqual(Date.now());
    const half = { ...whole, cases: whole.cases.slice(0, 1) };
    const over = await runSuite(suite, { ...options, known: half, isOver: () => true, onCase });
    expect(over.cases).toEqual(half.cases);
    expect(over.left).toEqual(["second"]);
    expect(measured).toHaveLength(2);
  });
});
