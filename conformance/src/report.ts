import type { CaseResult } from "./run_case.js";

/** One group's results. */
export interface GroupResult {
  readonly group: string;
  readonly results: readonly CaseResult[];
}

/** Lines for a person: a table per group, failures, what is not offered, and the sum. */
export function renderReport(groups: readonly GroupResult[]): string[] {
  const lines = groups.flatMap(renderGroup);
  const all = groups.flatMap(({ results }) => results);
  lines.push(...renderNotOffered(all));
  const { passed, failed } = countResults(all);
  return [...lines, "", `${passed} passed, ${failed} failed`];
}

/** What no user of ours needs, once per reason. */
function renderNotOffered(results: readonly CaseResult[]): string[] {
  const excused = results.flatMap(({ id, excused: outputs }) => outputs.map((output) => ({ id, ...output })));
  if (excused.length === 0) return [];
  const reasons = [...new Set(excused.map(({ reason }) => reason))].map((reason) => {
    const ofReason = excused.filter((one) => one.reason === reason);
    const cases = new Set(ofReason.map(({ id }) => id)).size;
    return `  ${ofReason.length} outputs of ${cases} cases: ${reason}`;
  });
  return ["", "not offered:", ...reasons];
}

/** How many passed and failed; what is not offered counts as neither. */
export function countResults(results: readonly CaseResult[]): { passed: number; failed: number } {
  const count = (status: CaseResult["status"]): number =>
    results.filter((one) => one.status === status).length;
  return { passed: count("passed"), failed: count("failed") };
}

function renderGroup({ group, results }: GroupResult): string[] {
  const kinds = [...new Set(results.map(({ kind }) => kind))];
  const width = Math.max(4, ...kinds.map((kind) => kind.length));
  const rows = kinds.map((kind) => {
    const ofKind = results.filter((one) => one.kind === kind);
    const { passed, failed } = countResults(ofKind);
    const worst = ofKind.reduce((most, { ratio }) => Math.max(most, ratio), 0);
    const cells = [ofKind.length, passed, failed].map((cell) => String(cell).padStart(6));
    return `  ${kind.padEnd(width)} ${cells.join(" ")}  ${worst.toPrecision(3)}`;
  });
  const failures = results
    .filter(({ status }) => status === "failed")
    .flatMap(({ id, notes }) => [`  FAILED ${id}`, ...notes.slice(0, 5).map((note) => `    ${note}`)]);
  return [
    `${group}`,
    `  ${"kind".padEnd(width)}  cases passed failed  worst |error|/tolerance`,
    ...rows,
    ...failures,
  ];
}
