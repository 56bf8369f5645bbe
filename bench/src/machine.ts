import { spawnSync } from "node:child_process";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";

/** The machine of a report. */
export interface Machine {
  /** For file names: processor and cores, or the GPU. */
  readonly slug: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly gpu: string | undefined;
  readonly node: string;
  /** Processes that wanted to run, over the last minute. */
  readonly load: number;
}

/** Describes this machine; `gpu` names the adapter that a run used. */
export function thisMachine(gpu: string | undefined): Machine {
  const cpu = cpus()[0]?.model.trim() ?? "unknown processor";
  const cores = availableParallelism();
  return {
    slug: slugOf(gpu ?? `${cpu} ${cores} cores`),
    cpu,
    cores,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    gpu,
    node: process.version,
    load: loadavg()[0]!,
  };
}

/** Lower case letters and digits with dashes between. */
export function slugOf(name: string): string {
  return name
    .toLowerCase()
    .replace(/\((r|tm)\)/g, "")
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
}

/** Commit of the working tree, with a mark where files were changed; empty outside a clone. */
export function commitName(): string {
  const ask = (args: string[]) => spawnSync("git", args, { encoding: "utf8" }).stdout?.trim() ?? "";
  const commit = ask(["rev-parse", "--short", "HEAD"]);
  return commit && ask(["status", "--porcelain", "--untracked-files=no"]) ? `${commit} with changes` : commit;
}
