import type { Ceilings } from "./ceiling.js";
import type { Machine } from "./machine.js";
import { isLowPrecision, type SideName } from "./protocol.js";
import { type CaseResult, measuredBy, type SuiteResult } from "./run_suite.js";
import type { Summary } from "./statistics.js";
import { summaryTables } from "./summary.js";
import { markdownTable, percent, threeDigits } from "./table.js";
import { type Ceiling, shareOfCeiling } from "./work_counts.js";

/** Everything that one run of the benchmark found. */
export interface BenchReport {
  /** Day, and clock from the beginning to the last case (UTC). */
  readonly date: string;
  readonly clock: string;
  readonly commit: string;
  readonly command: string;
  readonly machine: Machine;
  readonly loadAtEnd: number;
  readonly backend: string;
  readonly size: string;
  readonly ceilings: Ceilings;
  readonly suites: readonly SuiteResult[];
}

/** Operations per second of an NVIDIA H200, the yardstick on GPUs: reported of its matrix units in bf16, and its peak in f32. */
const H200 = { half: 790e12, single: 67e12 };

/** Columns of the tables, for a page and for the terminal. */
const columns = [
  "case",
  "engine",
  "median ms",
  "min",
  "CPU ms",
  "quartiles",
  "spread",
  "runs",
  "GFLOP/s",
  "GB/s",
  "of device",
  "of wasm",
  "of H200",
  "ours / it",
  "peak MB",
  "dispatches",
  "submissions",
  "differs by",
] as const;

/** The rows of one case: ours, then each peer, absent ones with the reason. */
export function rowsOf(result: CaseResult, ceilings: Ceilings, threads: number): string[][] {
  const ours = measuredBy(result, "glof");
  const names = Object.keys(result.outcomes) as SideName[];
  return names.map((side, index) => {
    const title = index === 0 ? titleOf(result) : "";
    const outcome = result.outcomes[side]!;
    if (outcome.status === "absent") return [title, side, `absent: ${outcome.reason}`];
    const { ms, cpuMs, peakBytes, facts } = outcome;
    const seconds = ms.median / 1e3;
    const share = (ceiling: Ceiling) =>
      result.flop + result.bytes > 0 ? percent(shareOfCeiling(result, seconds, ceiling)) : "";
    const isWasm = ceilings.wasmThread !== undefined && (side === "glof" || side === "stock");
    const wasmThreads = side === "glof" ? threads : 1;
    return [
      title,
      side,
      threeDigits(ms.median),
      threeDigits(ms.min),
      threeDigits(cpuMs.median),
      `${threeDigits(ms.quartiles[0])}–${threeDigits(ms.quartiles[1])}`,
      ms.repeats === 1 ? "" : `${percent(spreadOf(ms))}${spreadOf(ms) > WIDE ? " (!)" : ""}`,
      String(ms.repeats),
      result.flop > 0 ? threeDigits(result.flop / seconds / 1e9) : "",
      result.bytes > 0 ? threeDigits(result.bytes / seconds / 1e9) : "",
      share(ceilings.device),
      isWasm ? share(times(ceilings.wasmThread!, wasmThreads)) : "",
      ceilings.wasmThread === undefined && result.flop > 0
        ? percent(result.flop / seconds / (isLowPrecision(side) ? H200.half : H200.single))
        : "",
      ours === undefined || side === "glof" ? "" : threeDigits(ours.ms.median / ms.median),
      threeDigits(peakBytes / 1e6),
      String(facts.dispatches ?? ""),
      String(facts.submissions ?? ""),
      differenceOf(result, side),
    ];
  });
}

/** A wider middle half of the repeats than this share of the median is worth a warning. */
const WIDE = 0.1;

const spreadOf = ({ quartiles: [low, high], median }: Summary): number => (high - low) / median;

const times = ({ flops, bandwidth }: Ceiling, threads: number): Ceiling => ({
  flops: flops * threads,
  bandwidth: bandwidth * threads,
});

function titleOf({ name, flop, bytes }: CaseResult): string {
  const counts = [
    flop > 0 ? `${threeDigits(flop / 1e9)} GFLOP` : "",
    bytes > 0 ? `${threeDigits(bytes / 1e6)} MB` : "",
  ].filter((text) => text !== "");
  return counts.length === 0 ? name : `${name} (${counts.join(", ")})`;
}

function differenceOf({ agreement, tolerance = 1e-4 }: CaseResult, side: SideName): string {
  const found = agreement[side];
  if (found === undefined) return "";
  if (found.problem !== undefined) return `no values: ${found.problem}`;
  const text = found.maxAbsDifference.toExponential(1);
  const allowed = isLowPrecision(side) ? Math.max(tolerance, 2e-2) : tolerance;
  return found.relative <= allowed ? text : `${text} (!)`;
}

/** The page for `docs/benchmarks/`. */
export function reportPage(report: BenchReport): string {
  const { machine, ceilings, date, clock, commit, command, backend, loadAtEnd } = report;
  const head = [
    `# Benchmark: ${machine.gpu ?? `${machine.cpu}, ${machine.cores} cores`}`,
    "",
    `- measured ${date}, ${clock} UTC, at commit ${commit || "unknown"}, by \`${command}\``,
    `- ours on the ${backend} backend, Node ${machine.node}, ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GiB`,
    `- load average ${machine.load.toFixed(1)} at the start, ${loadAtEnd.toFixed(1)} at the end`,
    ...ceilingLines(ceilings),
    "",
    ...warningsOf(report),
    "Each suite begins with a short table: our time, and every peer's time with *ours / it* in brackets: 0.50 is half of its",
    "time, below 1 we are faster. What else was measured lies folded below it, and [how to read that](#how-to-read) at the end.",
  ];
  const parts = report.suites.flatMap((suite) => suitePart(suite, ceilings));
  return `${[...head, ...parts, "", ...legend].join("\n")}\n`;
}

const legend = [
  "## How to read",
  "",
  "- Sides run interleaved, one run of each in turn, each in a process of its own that is stopped while another runs.",
  "- Times are wall-clock milliseconds, *CPU ms* those of the processor over all threads; *quartiles* bound the middle half of the",
  "  *runs*, *spread* is their distance over the median, (!) above 10 %.",
  "- FLOP count a multiply-add as two; bytes are the least traffic: inputs read once, outputs written once.",
  "- *of device* and *of wasm*: share of the roofline bound on this work, the device's and that of WebAssembly's 128-bit SIMD on as many",
  "  threads as the engine uses; above 100 % caches serve what counts as memory traffic. *of H200*: share of its 67 TFLOP/s in f32, for",
  "  sides with half precision of 790 TFLOP/s.",
  "- *differs by*: greatest difference from our values; (!) where it is more than the tolerance of the case.",
  "- *peak MB* is that of the process so far: where the cases of a suite share processes, of all cases before too.",
];

/** What makes the numbers less sure, in words. */
export function warningsOf({ machine, suites }: Pick<BenchReport, "machine" | "suites">): string[] {
  const lines: string[] = [];
  if (machine.load > 1) {
    const load = machine.load.toFixed(1);
    lines.push(
      `**Other work was running** (load ${load} at the start): all times are too long, and not all by the same factor.`,
    );
  }
  const summaries = suites.flatMap(({ cases }) =>
    cases.flatMap(({ outcomes }) =>
      Object.values(outcomes).flatMap((one) =>
        one.status === "measured" && one.ms.repeats > 1 ? [one.ms] : [],
      ),
    ),
  );
  const wide = summaries.filter((ms) => spreadOf(ms) > WIDE).length;
  if (wide > 0) {
    lines.push(
      `**${wide} of ${summaries.length} medians have a spread above ${percent(WIDE)}**, marked (!): read their least times and CPU times instead.`,
    );
  }
  return lines.flatMap((line) => [line, ""]);
}

function ceilingLines({ device, deviceBy, wasmThread }: Ceilings): string[] {
  const rates = ({ flops, bandwidth }: Ceiling) =>
    `${threeDigits(flops / 1e9)} GFLOP/s, ${threeDigits(bandwidth / 1e9)} GB/s`;
  const lines = [`- ceiling of the device: ${rates(device)} (${deviceBy})`];
  if (wasmThread)
    lines.push(
      `- ceiling of WebAssembly, one thread: ${rates(wasmThread)} (a loop of multiply-adds in registers, a copy)`,
    );
  return lines;
}

function suitePart(suite: SuiteResult, ceilings: Ceilings): string[] {
  const { name, about, cases, left, sides, absent } = suite;
  const facts = Object.entries(sides).map(
    ([side, known]) =>
      `- ${side}: ${Object.entries(known)
        .map(([key, value]) => `${key} ${value}`)
        .join(", ")}`,
  );
  const missing = Object.entries(absent).map(([side, reason]) => `- ${side}: absent: ${reason}`);
  const threads = threadsOf(sides);
  const rows = cases.flatMap((result) => rowsOf(result, ceilings, threads));
  return [
    "",
    `## ${name}`,
    "",
    about,
    "",
    ...leftLine(left),
    ...summaryTables(suite, ceilings),
    "",
    "<details><summary>All numbers, versions and stages</summary>",
    "",
    ...timesOf(cases),
    ...facts,
    ...missing,
    "",
    markdownTable(...usedColumns(rows)),
    ...stageLines(cases),
    "",
    "</details>",
  ];
}

function timesOf(cases: readonly CaseResult[]): string[] {
  const loads = cases.map(({ load }) => load);
  const seconds = cases.reduce((sum, one) => sum + one.seconds, 0);
  const clock = cases[0] ? ` from ${cases[0].at.slice(11, 16)} UTC on` : "";
  const load = cases[0] ? `, load ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}` : "";
  return [`- measured${clock} in ${seconds.toFixed(0)} s${load}`];
}

const leftLine = (left: readonly string[]): string[] =>
  left.length > 0 ? [`**Not measured, it was stopped or time was up**: ${left.join("; ")}.`, ""] : [];

/** Header and rows without the columns that are empty throughout. */
export function usedColumns(rows: readonly (readonly string[])[]): [header: string[], rows: string[][]] {
  const used = columns.map((_, column) => rows.some((row) => (row[column] ?? "") !== ""));
  // A short row ends with a remark: it stays short.
  const keep = (row: readonly string[]) => row.filter((_, column) => used[column]);
  return [keep(columns), rows.map(keep)];
}

/** Threads that ours computes with. */
export function threadsOf(sides: SuiteResult["sides"]): number {
  return Number(sides.glof?.threads ?? 1) || 1;
}

/** Numbers of stages that cases measured beside the time of a run. */
function stageLines(cases: readonly CaseResult[]): string[] {
  const rows = cases.flatMap((result) =>
    (Object.keys(result.outcomes) as SideName[]).flatMap((side) => {
      const measured = measuredBy(result, side);
      if (!measured) return [];
      // These have columns of their own.
      const { dispatches, submissions, ...facts } = measured.facts;
      if (Object.keys(facts).length === 0) return [];
      const stages = { firstMs: measured.firstMs, ...facts };
      return [`- ${result.name}, ${side}: ${Object.entries(stages).map(stageText).join(", ")}`];
    }),
  );
  return rows.length === 0 ? [] : ["", ...rows];
}

function stageText([name, value]: [string, string | number]): string {
  if (typeof value === "string") return `${name} ${value}`;
  if (name.endsWith("Ms")) return `${name.slice(0, -2)} ${threeDigits(value)} ms`;
  if (name.endsWith("Bytes")) return `${name.slice(0, -5)} ${threeDigits(value / 1e6)} MB`;
  return `${name} ${Number.isInteger(value) ? value : threeDigits(value)}`;
}
