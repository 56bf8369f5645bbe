import { silentLogger } from "@glof/core";
import { describe, expect, it } from "vitest";
import type { Console } from "./console.js";
import { barLine, beginProgress, durationText, plainLine } from "./progress.js";

const event = { stage: "tiles", done: 144, total: 576, unit: "tiles" };

describe("a line of progress", () => {
  it("shows share, rate and time left", () => {
    expect(plainLine(event, 8.31)).toBe("tiles: 144/576  8.3 tiles/s  52 s left");
    expect(barLine({ ...event, note: "loss 0.12" }, 24)).toBe(
      `tiles  ${"█".repeat(7)}${"░".repeat(21)}  144/576  24 tiles/s  18 s left  loss 0.12`,
    );
  });

  it("shows the time left that the job itself measured", () => {
    expect(plainLine({ ...event, secondsLeft: 200 }, 8.31)).toBe(
      "tiles: 144/576  8.3 tiles/s  3 min 20 s left",
    );
  });

  it("counts on without a total", () => {
    expect(barLine({ ...event, total: undefined }, 0)).toBe("tiles: 144 tiles");
  });

  it.each([
    [0.4, "0 s"],
    [59.6, "1 min 0 s"],
    [7_500, "2 h 5 min"],
  ])("tells %d seconds as %s", (seconds, text) => {
    expect(durationText(seconds)).toBe(text);
  });
});

describe("beginProgress", () => {
  const console = (changes: Partial<Console>): Console => ({
    say: () => {},
    json: () => {},
    logger: silentLogger,
    interactive: false,
    quiet: false,
    asJson: false,
    ...changes,
  });

  it("prints the first and the last event as plain lines where there is no terminal", () => {
    const written: string[] = [];
    const view = beginProgress(console({}), (text) => written.push(text));
    for (let done = 1; done <= 5; done++) view.onProgress({ ...event, done, total: 5 });
    view.end();
    expect(written).toHaveLength(2);
    expect(written.join("")).not.toContain("\r");
    expect(written[1]).toContain("5/5");
  });

  it("redraws one line on a terminal and leaves it with a line end", () => {
    const written: string[] = [];
    const view = beginProgress(console({ interactive: true }), (text) => written.push(text));
    view.onProgress({ ...event, done: 576 });
    view.end();
    expect(written[0]!.startsWith("\r")).toBe(true);
    expect(written.at(-1)).toBe("\n");
  });

  it("lets a line be said in place of the bar, which comes back", () => {
    const written: string[] = [];
    const view = beginProgress(console({ interactive: true }), (text) => written.push(text));
    view.onProgress(event);
    view.say("half way");
    view.onProgress({ ...event, done: 145 });
    expect(written[1]).toBe("\r\u001b[Khalf way\n");
    expect(written[2]).toContain("145/576");
  });

  it("says nothing when quiet", () => {
    const written: string[] = [];
    beginProgress(console({ quiet: true }), (text) => written.push(text)).onProgress(event);
    expect(written).toEqual([]);
  });
});
