import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isGlofError } from "@glof/core";
import { afterAll, describe, expect, it } from "vitest";
import type { Suite } from "./bench_case.js";
import { readKnown } from "./bench_file.js";
import { thisMachine } from "./machine.js";
import { parseOptions } from "./options.js";
import { runBench } from "./run_bench.js";

const task = { kind: "none", args: {} };
const suiteOf = (name: string, cases: readonly [string, boolean][]): Suite => ({
  ...{ name, about: "", freshProcesses: true, sides: [] },
  cases: cases.map(([one, isMain]) => ({ name: one, isMain, task, flop: 0, bytes: 0 })),
});
const suites = [
  suiteOf("ops", [
    ["a", false],
    ["b", true],
  ]),
  suiteOf("model", [["c", true]]),
];
const launch = { backend: "wasm", cache: "", python: undefined, robustness: true };

async function run(args: readonly string[], known: Awaited<ReturnType<typeof runBench>> = [], most = 99) {
  const order: string[] = [];
  const found = await runBench(suites, parseOptions(args), {
    ...{ launch, known, isOver: () => order.length >= most },
    onCase: ({ name }) => order.push(name),
  });
  return { order, found, names: found.map((one) => one.cases.map(({ name }) => name).join("")) };
}

describe("runBench", () => {
  it("measures the main cases of all suites before the others, and keeps them in order", async () => {
    const { order, names } = await run([]);
    expect(order).toEqual(["b", "c", "a"]);
    expect(names).toEqual(["ab", "c"]);
  });

  it("goes on where it was stopped, and names what is left", async () => {
    const first = await run([], [], 1);
    expect(first.names).toEqual(["b", ""]);
    expect(first.found[0]!.left).toEqual(["a"]);
    expect((await run([], first.found)).order).toEqual(["c", "a"]);
  });

  it("keeps what is known of suites and cases that were not asked for", async () => {
    const whole = await run([]);
    const again = await run(["--case", "c"], whole.found);
    expect(again.order).toEqual([]);
    expect(again.names).toEqual(["ab", "c"]);
  });

  it("names the cases there are when none is meant", async () => {
    const error = await run(["--case", "zz"]).catch((thrown: unknown) => thrown);
    expect(isGlofError(error, "bad-argument")).toBe(true);
    expect((error as Error).message).toMatch(/got "zz":\n {2}a\n {2}b\n {2}c/);
  });
});

describe("readKnown", () => {
  const folder = mkdtempSync(join(tmpdir(), "glof-known-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const machine = thisMachine(undefined);
  const read = (text: string) => {
    const json = join(folder, "all.json");
    writeFileSync(json, text);
    return readKnown({ json, backend: "wasm", size: "full" }, machine);
  };

  it("takes over what is of this machine, backend and size", () => {
    const report = { machine, backend: "wasm", size: "full", suites: [] };
    expect(read(JSON.stringify(report))).toEqual(report);
    expect(readKnown({ json: join(folder, "none"), backend: "wasm", size: "full" }, machine)).toBeUndefined();
    expect(() => read(JSON.stringify({ ...report, size: "quick" }))).toThrow(/size full, got wasm, quick/);
    const outcomes = (status: string) => ({ glof: { status } });
    const cases = [
      { name: "a", outcomes: outcomes("measured") },
      { name: "b", outcomes: outcomes("absent") },
      { name: "c", outcomes: {} },
    ];
    const known = read(JSON.stringify({ ...report, suites: [{ name: "ops", cases }] }));
    expect(known!.suites[0]!.cases.map(({ name }) => name)).toEqual(["a"]);
    expect(() => read("{")).toThrow(/expected .* to be what --json wrote/);
  });
});
