import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { GlofError } from "@glof/core";
import type { Machine } from "./machine.js";
import type { BenchOptions } from "./options.js";
import type { BenchReport } from "./report.js";
import type { CaseResult } from "./run_suite.js";

/**
 * What the file of an earlier run has, if there is one: its cases that any side measured. Where none did, what they need was not
 * there, and they are tried again.
 *
 * @throws GlofError `corrupt-file`, or `bad-argument` for one of another machine, backend or size
 */
export function readKnown(
  { json, backend, size }: Pick<BenchOptions, "json" | "backend" | "size">,
  machine: Machine,
): BenchReport | undefined {
  if (json === undefined || !existsSync(json)) return undefined;
  const before = parse(json);
  if (before.backend === backend && before.size === size && before.machine.cpu === machine.cpu) {
    return {
      ...before,
      suites: before.suites.map((suite) => ({ ...suite, cases: suite.cases.filter(isMeasured) })),
    };
  }
  throw new GlofError(
    "bad-argument",
    `--resume: expected ${json} to be of this machine, backend ${backend} and size ${size}, got ${before.backend}, ` +
      `${before.size} on ${before.machine.cpu}. Name another file.`,
  );
}

/** Whether any side measured a case. */
export function isMeasured({ outcomes }: CaseResult): boolean {
  return Object.values(outcomes).some(({ status }) => status === "measured");
}

function parse(json: string): BenchReport {
  try {
    const found = JSON.parse(readFileSync(json, "utf8")) as BenchReport;
    if (Array.isArray(found.suites) && found.machine) return found;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
  }
  throw new GlofError(
    "corrupt-file",
    `--resume: expected ${json} to be what --json wrote, got something else. Name another file.`,
  );
}

/** Never half a file, whenever it is stopped. */
export function writeWhole(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}
