import type { Ceilings } from "./ceiling.js";
import type { Measured } from "./measure.js";
import type { SideName } from "./protocol.js";
import { type CaseResult, measuredBy, type SuiteResult } from "./run_suite.js";
import { markdownTable, percent, threeDigits } from "./table.js";
import { shareOfCeiling } from "./work_counts.js";

/**
 * What most readers look for: a row per case, a column per side. Times with ratios, and where they say something, memory and
 * what was handed to the GPU.
 */
export function summaryTables(suite: SuiteResult, ceilings: Ceilings): string[] {
  const { cases, memoryPerCase } = suite;
  if (cases.length === 0) return [];
  const names = new Set(cases.flatMap(({ outcomes }) => Object.keys(outcomes) as SideName[]));
  const sides = [...names].filter((side) => cases.some((one) => measuredBy(one, side)));
  const hasRate = cases.some(({ flop }) => flop > 0);
  const rate = (one: CaseResult) => (hasRate ? rateOf(one, ceilings) : []);
  const table = (title: string, more: readonly string[], row: (one: CaseResult) => string[]) =>
    markdownTable([title, ...more], cases.map(row));
  const bySide = (one: CaseResult, cell: (found: Measured) => string) =>
    sides.map((side) => {
      const found = measuredBy(one, side);
      return found ? cell(found) : "";
    });
  const headed = sides.map((side) => (side === "glof" ? "ours" : side));
  const lines = [
    table("milliseconds", [...headed, ...(hasRate ? ["our GFLOP/s", "of device"] : [])], (one) => [
      one.name,
      ...timesOf(one, sides),
      ...rate(one),
    ]),
  ];
  if (memoryPerCase && !isDriven(cases))
    lines.push(
      "",
      table("peak memory, MB", headed, (one) => [
        one.name,
        ...bySide(one, (found) => threeDigits(found.peakBytes / 1e6)),
      ]),
    );
  if (isDriven(cases))
    lines.push(
      "",
      table("dispatches in submissions", headed, (one) => [
        one.name,
        ...bySide(one, ({ facts }) => `${facts.dispatches} in ${facts.submissions}`),
      ]),
    );
  return lines;
}

/** Whether it is about what is handed to a GPU. */
const isDriven = (cases: readonly CaseResult[]): boolean =>
  cases.some((one) => measuredBy(one, "glof")?.facts.dispatches !== undefined);

function timesOf(one: CaseResult, sides: readonly SideName[]): string[] {
  const ours = measuredBy(one, "glof");
  return sides.map((side) => {
    const found = measuredBy(one, side);
    if (found === undefined) return "";
    const time = threeDigits(found.ms.median);
    return side === "glof" || ours === undefined
      ? time
      : `${time} (${(ours.ms.median / found.ms.median).toFixed(2)})`;
  });
}

function rateOf(one: CaseResult, { device }: Ceilings): string[] {
  const ours = measuredBy(one, "glof");
  if (ours === undefined || one.flop === 0) return ["", ""];
  const seconds = ours.ms.median / 1e3;
  return [threeDigits(one.flop / seconds / 1e9), percent(shareOfCeiling(one, seconds, device))];
}
