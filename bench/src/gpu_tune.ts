import { existsSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { isGlofError } from "@glof/core";
import { useWebgpuPrecision } from "@glof/nn";
import { releaseBackend, selectBackend, tuneBackend } from "@glof/runtime";
import { writeWhole } from "./bench_file.js";
import { forwardOf, type TunedPass, trainingOf, tunedPasses } from "./tuned_passes.js";

// Chooses the fastest forms of products and attention for the models that the benchmark measures, and keeps them where `selectBackend`
// finds them ($XDG_CACHE_HOME); what is found when time is up, or it is stopped, is kept.
//
//   tune [--budget seconds] [--done file] [--no-robustness] [--smoke]
//
// --done: passes that are through, by adapter; they are not measured again. --smoke: tiny passes.

const { values } = parseArgs({
  options: {
    budget: { type: "string", default: "100" },
    done: { type: "string" },
    "no-robustness": { type: "boolean", default: false },
    smoke: { type: "boolean", default: false },
  },
});
const stop = new AbortController();
setTimeout(() => stop.abort(), 1000 * Number(values.budget)).unref();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop.abort());

await main().catch((error: unknown) => {
  console.error(`tune: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
});

async function main(): Promise<void> {
  const { details } = await selectBackend({
    require: "webgpu",
    webgpu: { robustness: !values["no-robustness"] },
  });
  const adapter = JSON.stringify(details.adapter);
  const done = (details.tuning as { choices: number }).choices > 0 ? readDone() : {};
  const passes = values.smoke ? [forwardOf("T", "f32", 56), trainingOf("tiny", 1)] : tunedPasses();
  for (const pass of passes) {
    if (done[adapter]?.includes(pass.name)) console.log(`${pass.name}: measured before`);
    else if (stop.signal.aborted) console.log(`${pass.name}: left out, time is up`);
    else if ((await useWebgpuPrecision(pass.precision)).precision !== pass.precision)
      console.log(`${pass.name}: left out, this adapter has no ${pass.precision}`);
    else if (await tune(pass)) {
      done[adapter] = [...(done[adapter] ?? []), pass.name];
      if (values.done !== undefined) writeWhole(values.done, `${JSON.stringify(done, undefined, 1)}\n`);
    }
  }
  await releaseBackend();
}

/** Passes by adapter. They count only where what was found for them is in use. */
function readDone(): Record<string, string[]> {
  return values.done !== undefined && existsSync(values.done)
    ? (JSON.parse(readFileSync(values.done, "utf8")) as Record<string, string[]>)
    : {};
}

/** Whether all of a pass was measured. What goes wrong in one ends with it: others may fit into memory that it does not. */
async function tune({ name, prepare }: TunedPass): Promise<boolean> {
  let dispose = (): void => undefined;
  try {
    const pass = await prepare();
    dispose = pass.dispose;
    const { problems, place, reason } = await tuneBackend(pass.run, { signal: stop.signal });
    console.log(`${name}: ${place ?? `not kept: ${reason}`}`);
    for (const { name: problem, form, ms } of problems) {
      const all = Object.entries(ms).map(([other, time]) => `${other} ${time.toFixed(4)}`);
      console.log(`  ${problem}: ${form}; ms: ${all.join(", ")}`);
    }
    return true;
  } catch (error) {
    const isOver = isGlofError(error, "aborted");
    if (!isOver) process.exitCode = 1;
    const why = isOver ? "time is up" : error instanceof Error ? error.message : String(error);
    console.log(`${name}: ${why}; what was measured until then is kept`);
    return false;
  } finally {
    dispose();
  }
}
