import { readdir, readFile, writeFile } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { EXIT } from "../exit_codes.js";
import { useFolder, writeImage } from "../testing/made_up_files.js";
import { type GlofRun, startGlof } from "../testing/run_glof.js";

const { path } = useFolder();

const yaml = (steps: number): string => `
out: run
name: tiny
backend: cpu
crop: 28
batch: 1
steps: ${steps}
model: { embedDim: 24, depth: 1, numHeads: 2, widths: { patch: 8, half: 8, full: 4 }, tile: 28, overlap: 7 }
train:
  - { image: chip.tif, mask: mask.tif }
validation:
  - { image: chip.tif, mask: mask.tif }`;

beforeAll(async () => {
  await writeImage(path("chip.tif"), { width: 40, height: 40 });
  const mask = { bandNames: ["mask"], dtype: "uint8", nodata: undefined } as const;
  await writeImage(path("mask.tif"), { width: 40, height: 40, ...mask, dn: (_, pixel) => pixel % 2 });
});

interface LoggedEvent {
  readonly kind: string;
  readonly step: number;
}

const readLog = async (): Promise<LoggedEvent[]> =>
  (await readFile(path("run", "log.jsonl"), "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as LoggedEvent);

const stepsOf = (events: readonly LoggedEvent[]): number[] =>
  events.filter(({ kind }) => kind === "step").map(({ step }) => step);

describe("glof train in a process of its own", () => {
  it("keeps what it learned at Ctrl-C, and goes on from there", { timeout: 240_000 }, async () => {
    await writeFile(path("train.yaml"), yaml(100_000));
    const { child, says, end } = startGlof("train", path("train.yaml"));
    await says("train: ");
    child.kill("SIGINT");
    const stopped: GlofRun = await end;
    expect(stopped.stderr).toContain("stopping; press Ctrl-C again to stop at once");
    expect(stopped.stderr).toContain(`go on with --resume, from ${path("run", "last.safetensors")}`);
    expect(stopped.stderr).not.toContain("unexpected error");
    expect(stopped.code).toBe(EXIT.interrupted);
    // The log, the state to go on from, the config; no bundle, and nothing half-written.
    const files = ["last.safetensors", "log.jsonl", "segmenter.json"];
    expect((await readdir(path("run"))).sort()).toEqual(files);
    const done = stepsOf(await readLog()).at(-1)!;
    expect(done).toBeGreaterThanOrEqual(1);

    await writeFile(path("train.yaml"), yaml(done + 2));
    const resumed = await startGlof("train", path("train.yaml"), "--resume").end;
    expect(resumed.code).toBe(EXIT.ok);
    // Every step once: what was learned before the interrupt was kept.
    const steps = stepsOf(await readLog());
    expect(steps).toEqual(Array.from({ length: done + 2 }, (_, index) => index + 1));
    expect(await readdir(path("run"))).toContain("model.safetensors");
  });

  it("ends at once at a second Ctrl-C, without half-written files", { timeout: 240_000 }, async () => {
    await writeFile(path("again.yaml"), yaml(100_000).replace("out: run", "out: again"));
    const { child, says, end } = startGlof("train", path("again.yaml"));
    await says("train: ");
    child.kill("SIGINT");
    child.kill("SIGTERM");
    const { code } = await end;
    expect(code).toBe(EXIT.interrupted);
    expect((await readdir(path("again"))).filter((name) => name.includes("tmp"))).toEqual([]);
  });
});
