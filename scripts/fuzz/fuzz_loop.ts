import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { seededRng } from "@glof/core";
import type { Executor, JudgedInput } from "./executor.js";
import type { FuzzTarget, InputFiles } from "./fuzz_target.js";
import { mutate } from "./mutate.js";
import { pick } from "./rng.js";

/** How long and how to damage. */
export interface FuzzOptions {
  readonly seed: string;
  /** Ends at whichever comes first. */
  readonly seconds: number;
  readonly inputs: number;
  readonly executor: Executor;
  /** Folder for inputs that fail. */
  readonly out: string;
}

/** What a run has shown. */
export interface FuzzReport {
  readonly inputs: number;
  readonly seconds: number;
  /** How often each code came out. */
  readonly codes: ReadonlyMap<string, number>;
  /** Different outcomes, as told by messages without their numbers. */
  readonly kinds: number;
  /** Folders with the inputs that failed, one for each kind of failure. */
  readonly failures: readonly string[];
}

/** Inputs that led somewhere new are damaged further; so many are kept. */
const mostKept = 400;

/**
 * Feeds a target with damaged inputs. There is no instrumentation: what tells a new path is a message that was not seen
 * before, and the input that led there joins those to damage.
 */
export async function fuzzTarget(
  name: string,
  target: FuzzTarget,
  options: FuzzOptions,
): Promise<FuzzReport> {
  const { executor } = options;
  const corpus = await target.seeds();
  const sound = corpus.length;
  const codes = new Map<string, number>();
  const kinds = new Set<string>();
  const failures: string[] = [];
  let done = 0;
  const judge = async (files: InputFiles, label: string): Promise<void> => {
    const outcome = await executor.run(name, files);
    codes.set(outcome.code, (codes.get(outcome.code) ?? 0) + 1);
    const kind = kindOf(outcome);
    if (kinds.has(kind)) return;
    kinds.add(kind);
    if (outcome.isFailure) failures.push(await saveFailure(join(options.out, name, label), files, outcome));
    // What is not even recognised leads nowhere.
    else if (corpus.length - sound < mostKept && outcome.code !== "unsupported-format") corpus.push(files);
  };
  for (const [index, files] of corpus.slice(0, sound).entries()) await judge(files, `seed-${index}`);
  const started = Date.now();
  const seconds = (): number => (Date.now() - started) / 1000;
  for (; done < options.inputs && seconds() < options.seconds; done++) {
    const rng = seededRng(`${options.seed}/${name}/${done}`);
    const other = corpus[rng.int(sound)]!;
    // The sound ones are damaged as often as all that came later.
    const from = rng.int(2) === 0 ? corpus[rng.int(sound)]! : pick(corpus, rng);
    await judge(mutate(from, other, rng), `${options.seed}-${done}`);
  }
  return { inputs: done, seconds: seconds(), codes, kinds: kinds.size, failures };
}

/** The code and the message without numbers and quoted text; of a crash the place it came from. */
function kindOf({ code, message, isFailure }: JudgedInput): string {
  const text = isFailure ? message.split("\n").slice(0, 3).join(" ") : message;
  return `${code} ${text.replace(/"[^"]*"|glof-fuzz-\w+|\b(0x)?[\da-f]+\b|\d+(\.\d+)?/gi, "#").slice(0, 160)}`;
}

async function saveFailure(
  folder: string,
  files: InputFiles,
  { code, message }: JudgedInput,
): Promise<string> {
  for (const [name, content] of files) {
    const path = join(folder, "input", name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
  await writeFile(join(folder, "failure.txt"), `${code}\n${message}\n`);
  return folder;
}
