import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parentPort } from "node:worker_threads";
import { isGlofError } from "@glof/core";
import type { InputFiles } from "./fuzz_target.js";
import { fuzzTargets } from "./targets.js";
import { takeLargestAllocation, watchAllocations } from "./watch_allocations.js";

/** An input and the name of what shall read it. */
export interface InputMessage {
  readonly target: string;
  readonly files: InputFiles;
}

/** What became of an input that ended by itself. */
export interface InputOutcome {
  /** `ok`, the code of a `GlofError`, or `crash` for any other error. */
  readonly code: string;
  /** Message of the error; its stack where it is a crash. */
  readonly message: string;
  /** Bytes of the largest array made. */
  readonly largestBytes: number;
}

/** Codes that blame something other than the input. */
const wrongCodes = new Set(["internal", "backend-unavailable", "device-lost", "out-of-memory", "aborted"]);

watchAllocations();

async function judge({ target, files }: InputMessage): Promise<InputOutcome> {
  let folder: string | undefined;
  const makeFolder = async (): Promise<string> => {
    folder = await mkdtemp(join(tmpdir(), "glof-fuzz-"));
    return folder;
  };
  takeLargestAllocation();
  try {
    await fuzzTargets[target]!.run(files, makeFolder);
    return { code: "ok", message: "", largestBytes: takeLargestAllocation() };
  } catch (error) {
    const largestBytes = takeLargestAllocation();
    if (isGlofError(error) && !wrongCodes.has(error.code)) {
      return { code: error.code, message: error.message, largestBytes };
    }
    const message =
      error instanceof Error ? `${error.stack}\n${error.cause ?? ""}` : `threw ${String(error)}`;
    return { code: "crash", message, largestBytes };
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}

parentPort!.on("message", (message: InputMessage) => {
  judge(message).then((outcome) => parentPort!.postMessage(outcome));
});
parentPort!.postMessage("ready");
