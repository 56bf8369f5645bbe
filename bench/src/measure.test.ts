import { describe, expect, it } from "vitest";
import { measureTask } from "./measure.js";
import type { Reply, SideName } from "./protocol.js";
import type { Ask, SideClient } from "./side_process.js";

const task = { kind: "linear", args: {} };
const often = { repeats: 3, leastMs: 0, mostMs: 1000 };

/** A side whose runs take the given milliseconds, one after the other; what it is asked goes to `log`. */
function pretend(name: SideName, times: readonly (number | string)[], log: string[] = []): SideClient {
  let run = 0;
  return {
    name,
    async ask(request: Ask): Promise<Reply> {
      log.push(`${name} ${request.ask}${request.ask === "run" ? ` ${request.inner}` : ""}`);
      if (request.ask !== "run") return { id: 0, facts: { stage: name } };
      const next = times[run++]!;
      return typeof next === "string"
        ? { id: 0, problem: next }
        : { id: 0, ms: next, cpuMs: next / 2, peakBytes: 100 * run };
    },
    close: async () => undefined,
  };
}

describe("measureTask", () => {
  it("runs the sides in turn and leaves the first run of each out", async () => {
    const log: string[] = [];
    const sides = [pretend("glof", [90, 1, 2, 3], log), pretend("stock", [80, 4, 6, 5], log)];
    const outcomes = await measureTask(task, sides, often);
    expect(log.filter((line) => line.includes("run"))).toEqual([
      "glof run 1",
      "stock run 1",
      ...["glof run 1", "stock run 1", "glof run 1", "stock run 1", "glof run 1", "stock run 1"],
    ]);
    expect(outcomes.glof).toMatchObject({ status: "measured", firstMs: 90, peakBytes: 400 });
    expect(outcomes.glof).toMatchObject({ ms: { median: 2, min: 1 }, cpuMs: { median: 1 } });
    expect(outcomes.stock).toMatchObject({ ms: { median: 5, min: 4, repeats: 3 } });
    expect(Object.keys(outcomes)).toEqual(["glof", "stock"]);
  });

  it("repeats short runs within a measurement, as often as they are short once they are warm", async () => {
    const log: string[] = [];
    const outcomes = await measureTask(task, [pretend("glof", [10, 2, 1, 1, 1], log)], {
      ...often,
      leastMs: 50,
    });
    expect(log.slice(1)).toEqual(["glof run 1", "glof run 5", ...Array(3).fill("glof run 25")]);
    expect(outcomes.glof).toMatchObject({ firstMs: 10, ms: { median: 1, repeats: 3 } });
  });

  it("takes the first run of a slow side as its measurement", async () => {
    const sides = [pretend("glof", [1, 1, 1, 1]), pretend("stock", [5000])];
    const outcomes = await measureTask(task, sides, often);
    expect(outcomes.stock).toMatchObject({ ms: { median: 5000, repeats: 1 } });
    expect(outcomes.glof).toMatchObject({ ms: { repeats: 3 } });
  });

  it("does not take a first run that compiles for a slow one where there are warm-ups", async () => {
    const log: string[] = [];
    const sides = [pretend("glof", [5000, 10, 10, 11, 12, 13], log), pretend("stock", [1, "died"])];
    const outcomes = await measureTask(task, sides, { ...often, leastMs: 40, warmUps: 1 });
    expect(outcomes.glof).toMatchObject({ firstMs: 5000, ms: { median: 12, repeats: 3 } });
    expect(log.filter((line) => line === "glof run 4")).toHaveLength(4);
    expect(outcomes.stock).toEqual({ status: "absent", reason: "died" });
  });

  it("repeats a side as often as there is time for it", async () => {
    const sides = [pretend("glof", [10, 10, 10, 10]), pretend("stock", [400, 400, 400, 400])];
    const outcomes = await measureTask(task, sides, often);
    expect(outcomes.stock).toMatchObject({ ms: { repeats: 2 } });
    expect(outcomes.glof).toMatchObject({ ms: { repeats: 3 } });
  });

  it("names a side that cannot, at once or later, and measures the others", async () => {
    const sides = [
      pretend("ort", ["runs forward passes only"]),
      pretend("torch", [1, 1, "died", 1]),
      pretend("glof", [1, 1, 1, 1]),
    ];
    const outcomes = await measureTask(task, sides, often);
    expect(outcomes.ort).toEqual({ status: "absent", reason: "runs forward passes only" });
    expect(outcomes.torch).toEqual({ status: "absent", reason: "failed in a repeat: died" });
    expect(outcomes.glof).toMatchObject({ status: "measured" });
  });
});
