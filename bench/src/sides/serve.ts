import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { type Facts, NO_VALUES, type Reply, type Request, type Task } from "../protocol.js";

/** A task that is ready to run as often as asked. */
export interface Work {
  /** Runs it once, to the end. */
  run(): void | Promise<void>;
  /** The values that the other sides must give too; several parts where their sizes of numbers differ. */
  output?(): Promise<Float32Array | readonly Float32Array[]>;
  /** What the last run took where another process does the work: in place of this process's numbers. */
  usage?(): Pick<Reply, "cpuMs" | "peakBytes">;
  /** Milliseconds of stages and the like, after the runs. */
  facts?(): Facts;
  dispose(): void | Promise<void>;
}

/** Makes a task ready. Throws where the side cannot do it: the message says why. */
export type PrepareWork = (args: Task["args"]) => Work | Promise<Work>;

/** What a side offers. */
export interface Side {
  readonly facts: Facts;
  readonly tasks: Readonly<Record<string, PrepareWork>>;
  /** Waits until all the work that was handed to the device is done. */
  readonly settle?: () => Promise<void>;
}

/** Serves requests from stdin until it ends or `quit` comes. */
export async function serve(start: () => Promise<Side>): Promise<void> {
  let side: Side | undefined;
  let work: Work | undefined;
  const lines = createInterface({ input: process.stdin });
  for await (const line of lines) {
    const request = JSON.parse(line) as Request;
    let reply: Omit<Reply, "id">;
    try {
      side ??= await start();
      if (request.ask === "prepare") {
        await work?.dispose();
        work = undefined;
        work = await prepare(side, request.task);
      }
      reply = await answer(request, side, work);
      if (request.ask === "release" || request.ask === "quit") {
        await work?.dispose();
        work = undefined;
      }
    } catch (error) {
      reply = { problem: error instanceof Error ? error.message : String(error) };
    }
    process.stdout.write(`${JSON.stringify({ id: request.id, ...reply })}\n`);
    if (request.ask === "quit") break;
  }
  lines.close();
  // Worker threads of a backend and native pools would keep the process.
  process.exit(0);
}

async function prepare(side: Side, { kind, args }: Task): Promise<Work> {
  const make = side.tasks[kind];
  if (!make) throw new Error(`has no ${kind}`);
  return make(args);
}

async function answer(request: Request, side: Side, work: Work | undefined): Promise<Omit<Reply, "id">> {
  switch (request.ask) {
    case "hello":
      return { facts: side.facts };
    case "run":
      return measure(work!, request.inner, side.settle);
    case "output":
      if (!work?.output) return { problem: NO_VALUES };
      return writeOutput(request.path, await work.output());
    default:
      return {};
  }
}

function writeOutput(path: string, output: Float32Array | readonly Float32Array[]): Pick<Reply, "parts"> {
  const parts = output instanceof Float32Array ? [output] : output;
  writeFileSync(path, Buffer.concat(parts.map((part) => new Uint8Array(part.slice().buffer))));
  return { parts: parts.map(({ length }) => length) };
}

async function measure(work: Work, inner: number, settle: Side["settle"]): Promise<Omit<Reply, "id">> {
  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  for (let i = 0; i < inner; i++) await work.run();
  await settle?.();
  const ms = (performance.now() - started) / inner;
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    ms,
    cpuMs: (user + system) / 1000 / inner,
    peakBytes: process.resourceUsage().maxRSS * 1024,
    ...work.usage?.(),
    facts: work.facts?.() ?? {},
  };
}
