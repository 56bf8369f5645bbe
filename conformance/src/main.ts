import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { releaseBackend, selectBackend } from "@glof/runtime";
import { useSoftwareVulkan } from "../../packages/test-kit/src/software_vulkan.js";
import type { GroupRunners } from "./case.js";
import { type FixtureGroup, readFixtures } from "./read_fixtures.js";
import { countResults, type GroupResult, renderReport } from "./report.js";
import { type CaseResult, runCase, runSideCheck } from "./run_case.js";

const usage = `npm run conformance -- [--fixtures <dir>] [--group <name>] [--backend cpu|wasm|webgpu] [--json <file>]
                       [--case <id>] [--verbose]

Runs the golden cases of a folder laid out like ../shared/fixtures (the default) through the public API of the packages.
WebGPU runs on a software driver; GLOF_TEST_ADAPTER=system takes the machine's own.`;

const backends = ["cpu", "wasm", "webgpu"] as const;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      fixtures: {
        type: "string",
        default: fileURLToPath(new URL("../../../shared/fixtures", import.meta.url)),
      },
      group: { type: "string" },
      backend: { type: "string", default: "wasm" },
      json: { type: "string" },
      case: { type: "string" },
      verbose: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(usage);
  const backend = backends.find((name) => name === values.backend);
  if (!backend)
    throw new Error(`--backend: expected ${backends.join(", ")}, got "${values.backend}".\n${usage}`);
  if (backend === "webgpu") await useSoftwareVulkan();
  const choice = await selectBackend({ require: backend });
  console.log(`backend ${choice.name}: ${choice.reason}\n`);
  const groups: GroupResult[] = [];
  for (const fixtures of await readFixtures(values.fixtures, values.group)) {
    groups.push(await runGroup(fixtures, values.case, values.verbose));
  }
  for (const line of renderReport(groups)) console.log(line);
  const all = groups.flatMap(({ results }) => results);
  if (values.json)
    await writeFile(values.json, JSON.stringify({ backend, ...countResults(all), groups }, jsonValue, 2));
  await releaseBackend();
  if (countResults(all).failed > 0 || all.length === 0) process.exitCode = 1;
}

/** JSON has no infinity. */
const jsonValue = (_: string, value: unknown): unknown =>
  typeof value === "number" && !Number.isFinite(value) ? String(value) : value;

async function runGroup(
  fixtures: FixtureGroup,
  only: string | undefined,
  verbose: boolean,
): Promise<GroupResult> {
  const runners = await loadRunners(fixtures.name);
  const results: CaseResult[] = [];
  const wanted = ({ id }: { readonly id: string }): boolean => only === undefined || id === only;
  const add = (result: CaseResult): void => {
    results.push(result);
    const { status, milliseconds, id } = result;
    if (verbose) console.error(`${status.padEnd(6)} ${milliseconds.toFixed(0).padStart(7)} ms  ${id}`);
  };
  for (const golden of fixtures.cases.filter(wanted)) add(await runCase(fixtures, golden, runners));
  const sideChecks = (await runners.sideChecks?.(fixtures.folder)) ?? [];
  for (const check of sideChecks.filter(wanted)) add(await runSideCheck(check));
  return { group: fixtures.name, results };
}

/** Runners of the groups, each loaded when it is wanted; written out, so that a bundle has them. */
const groupModules: Readonly<Record<string, () => Promise<{ readonly group: GroupRunners }>>> = {
  dinov2: () => import("./groups/dinov2.js"),
  losses: () => import("./groups/losses.js"),
  metrics: () => import("./groups/metrics.js"),
  ops: () => import("./groups/ops.js"),
  optim: () => import("./groups/optim.js"),
  peft: () => import("./groups/peft.js"),
};

/** A group that is not named here has no runners, and each of its cases fails saying so. */
async function loadRunners(name: string): Promise<GroupRunners> {
  return (await groupModules[name]?.())?.group ?? { runners: {} };
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
});
