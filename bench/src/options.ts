import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
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
  /** Report to write; `undefined`: the one of this machine, `none`: nowhere. */
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
  --repeats n           measurements of each side (default: 7; --quick: 3)
  --quick               small cases, a report only where --report names one
  --smoke               tiny cases: does it run at all
  --case text           only cases whose name has this text in it
  --json file           everything measured, as JSON
  --report file         the table (default: docs/benchmarks/<machine>.md), or none
  --cache folder        checkpoints, graphs and scenes that are made once
  --resume              keep the cases that the file of --json has already (Ctrl-C keeps what was measured)
  --budget seconds      begin no further case after that long
  --no-robustness       on WebGPU: leave index checks out of our shaders
  --verbose             what the sides print`;

/**
 * Reads a command line.
 *
 * @throws Error for what it does not know; the message says what is expected
 */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
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
  });
  const size: BenchSize = values.smoke ? "smoke" : values.quick ? "quick" : "full";
  const repeats = Number(values.repeats ?? { full: 7, quick: 3, smoke: 1 }[size]);
  if (!Number.isInteger(repeats) || repeats < 1) throw new Error("--repeats: expected a number from 1 on.");
  const budget = Number(values.budget);
  if (!(budget > 0)) throw new Error("--budget: expected seconds above 0.");
  if (values.resume && values.json === undefined) throw new Error("--resume: expected --json with it.");
  return {
    suites: values.suite === undefined ? suiteNames : namesOf("--suite", values.suite, suiteNames),
    backend: namesOf("--backend", values.backend, ["wasm", "webgpu", "cpu"] as const)[0]!,
    peers: values.peers === "none" ? [] : namesOf("--peers", values.peers, peerNames),
    size,
    repeats,
    json: values.json,
    report: values.report ?? (size === "full" ? undefined : "none"),
    filter: values.case,
    cache: values.cache,
    verbose: values.verbose,
    resume: values.resume,
    budget,
    robustness: !values["no-robustness"],
  };
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

function namesOf<Name extends string>(option: string, text: string, known: readonly Name[]): Name[] {
  const names = text.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !known.includes(name as Name));
  if (unknown === undefined) return names as Name[];
  throw new Error(`${option}: expected some of ${known.join(", ")}, got "${unknown}".`);
}
