import type { TrainEvent } from "./types.js";

/**
 * Appends an event to a JSON-lines file: one object per line, weights left out. The folder is made if absent.
 *
 * @throws GlofError `no-space`, `not-writable`, `io`
 */
export async function appendTrainLog(path: string, event: TrainEvent): Promise<void> {
  const { appendFile, mkdir } = await import("node:fs/promises");
  const { dirname } = await import("node:path");
  const { asGlofError } = await import("@glof/core/node");
  await asGlofError(path, async () => {
    await mkdir(dirname(path), { recursive: true });
    await appendFile(path, `${toLogLine(event)}\n`);
  });
}

/**
 * Drops what a run has logged beyond `step`, so that a resumed one does not tell it twice. No file is no error.
 *
 * @throws GlofError `no-space`, `not-writable`, `io`
 */
export async function rewindTrainLog(path: string, step: number): Promise<void> {
  const { readFile } = await import("node:fs/promises");
  const { writeFileAtomic } = await import("@glof/core/node");
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return;
  // A line cut short by a crash is no JSON; it goes too.
  const kept = text.split("\n").filter((line) => (loggedStep(line) ?? Number.POSITIVE_INFINITY) <= step);
  await writeFileAtomic(path, kept.map((line) => `${line}\n`).join(""));
}

/** One event as JSON, without the weights of `end`. */
export function toLogLine(event: TrainEvent): string {
  return JSON.stringify(event, (key, value: unknown) => (key === "params" ? undefined : value));
}

function loggedStep(line: string): number | undefined {
  try {
    return (JSON.parse(line) as { step?: number }).step;
  } catch {
    return undefined;
  }
}
