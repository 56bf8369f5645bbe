import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { GlofError } from "@glof/core";
import type { SideName } from "./protocol.js";
import type { BenchSize } from "./suites/ops_suite.js";

/** Suites in the order in which they run. */
export const suiteNames = ["ops", "model", "train", "losses", "host", "polygonize", "scene"] as const;
/** Name of a suite. */
export type SuiteName = (typeof suiteNames)[number];

const peerNames = ["stock", "ort", "torch", "gdal"] as const;

/** What the command line asks for. */
export interface BenchOptions {
  readonly suites: readonly SuiteName[];
  readonly backend: "wasm" | "webgpu" | "cpu";
  /** Peers besides ours; `torch` stands for all its settings. */
  readonly peers: readonly (typeof peerNames)[number][];
  readonly size: BenchSize;
  readonly repeats: number;
  readonly json: string | undefined;
  /** Report to write; `undefined`: the one of this machine, which only a whole run replaces; `none`: nowhere. */
  readonly report: string | undefined;
  /** Cases whose name has this in it. */
  readonly filter: string;
  /** Graphs, checkpoints and scenes that are made once. */
  readonly cache: string;
  readonly verbose: boolean;
  /** Take over what the file of `json` has of this machine already. */
  readonly resume: boolean;
  /** Seconds after which no further case begins. */
  readonly budget: number;
  /** Dawn's checks of indices in our shaders. */
  readonly robustness: boolean;
}

export const USAGE = `npm run bench -- [options]
  --suite ops,model,…   of ${suiteNames.join(", ")} (default: all)
  --backend name        wasm, webgpu or cpu (default: wasm)
  --peers stock,ort,…   of ${peerNames.join(", ")}, or none (default: all)
  --repeats n           measurements of each side (default: 7; --quick: 3), slow sides less
  --quick               small cases, no page but where --report names one
  --smoke               tiny cases: does it run at all
  --case text           only cases whose name has this text in it
  --json file           everything measured, as JSON
  --report file         the page, or none (default: docs/benchmarks/<machine>.md by a run of all suites and cases, else none)
  --cache folder        checkpoints, graphs and scenes that are made once
  --resume              keep the cases that the file of --json has already (Ctrl-C keeps what was measured)
  --budget seconds      begin no further case after that long
  --no-robustness       on WebGPU: leave index checks out of our shaders
  --verbose             what the sides print`;

/**
 * Reads a command line.
 *
 * @throws GlofError `bad-argument` for what it does not know; the message says what is expected
 */
export function parseOptions(args: readonly string[]): BenchOptions {
  const values = valuesOf(args);
  const size: BenchSize = values.smoke ? "smoke" : values.quick ? "quick" : "full";
  const suites =
    values.suite === undefined ? suiteNames : listOf("--suite", values.suite, suiteNames, "leave it out");
  const isWhole = size === "full" && values.case === "" && suites.length === suiteNames.length;
  const backend = nameOf("--backend", values.backend, backendNames);
  if (values.resume && values.json === undefined) refuse("--resume", "--json file with it", "none");
  if (values["no-robustness"] && backend !== "webgpu")
    refuse("--no-robustness", "--backend webgpu with it", backend);
  return {
    suites,
    backend,
    peers: values.peers === "none" ? [] : listOf("--peers", values.peers, peerNames, "write none"),
    size,
    repeats: numberOf("--repeats", values.repeats ?? usualRepeats[size], "a whole number from 1 on", isCount),
    json: values.json,
    report: values.report ?? (isWhole ? undefined : "none"),
    filter: values.case,
    cache: values.cache,
    verbose: values.verbose,
    resume: values.resume,
    budget: numberOf("--budget", values.budget, "seconds above 0", (value) => value > 0),
    robustness: !values["no-robustness"],
  };
}

const backendNames = ["wasm", "webgpu", "cpu"] as const;
const usualRepeats = { full: "7", quick: "3", smoke: "1" } as const;
const isCount = (value: number): boolean => Number.isInteger(value) && value >= 1;

function valuesOf(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        suite: { type: "string" },
        backend: { type: "string", default: "wasm" },
        peers: { type: "string", default: peerNames.join(",") },
        repeats: { type: "string" },
        quick: { type: "boolean", default: false },
        smoke: { type: "boolean", default: false },
        case: { type: "string", default: "" },
        json: { type: "string" },
        report: { type: "string" },
        cache: { type: "string", default: join(tmpdir(), "glof-bench") },
        verbose: { type: "boolean", default: false },
        resume: { type: "boolean", default: false },
        budget: { type: "string", default: "Infinity" },
        "no-robustness": { type: "boolean", default: false },
      },
    }).values;
  } catch (cause) {
    const found = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new GlofError(
      "bad-argument",
      `npm run bench: expected the options of --help, got another: ${found}.`,
      {
        cause,
      },
    );
  }
}

/** The sides that take part: ours first. */
export function sidesOf({ peers, backend }: BenchOptions): SideName[] {
  const onGpu = backend === "webgpu";
  return [
    "glof",
    ...(onGpu ? (["glof-f16"] as const) : []),
    ...(peers.includes("stock") ? (["stock"] as const) : []),
    ...(peers.includes("ort") ? ([onGpu ? "ort-webgpu" : "ort"] as const) : []),
    ...(peers.includes("torch")
      ? onGpu
        ? (["torch", "torch-bf16"] as const)
        : (["torch", "torch-tuned"] as const)
      : []),
    ...(peers.includes("gdal") ? (["gdal"] as const) : []),
  ];
}

function listOf<Name extends string>(
  option: string,
  text: string,
  known: readonly Name[],
  without: string,
): Name[] {
  const names = text.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !known.includes(name as Name));
  if (unknown !== undefined) refuse(option, `some of ${known.join(", ")}, or ${without}`, `"${unknown}"`);
  // In their own order and once each.
  return known.filter((name) => names.includes(name));
}

function nameOf<Name extends string>(option: string, text: string, known: readonly Name[]): Name {
  const found = known.find((name) => name === text.trim());
  return found ?? refuse(option, `one of ${known.join(", ")}`, `"${text}"`);
}

function numberOf(option: string, text: string, what: string, isRight: (value: number) => boolean): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  return isRight(value) ? value : refuse(option, what, `"${text}"`);
}

function refuse(option: string, expected: string, got: string): never {
  throw new GlofError(
    "bad-argument",
    `${option}: expected ${expected}, got ${got}. Correct the command line.`,
    {
      option,
    },
  );
}
