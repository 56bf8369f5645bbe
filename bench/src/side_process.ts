import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Reply, Request, SideName } from "./protocol.js";

/** A command line with its environment. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** A request without its number. */
export type Ask = Request extends infer R ? (R extends { id: number } ? Omit<R, "id"> : never) : never;

/** Anything that answers requests: a process, or a stand-in of a test. */
export interface SideClient {
  readonly name: SideName;
  /** Never rejects: what goes wrong is the reply's `problem`. */
  ask(request: Ask): Promise<Reply>;
  /** Ends it; safe to call twice. */
  close(): Promise<void>;
}

/**
 * Starts a side. While it is not asked anything it is stopped (POSIX systems), so that the spinning threads of one engine
 * never slow down another.
 */
export function startSide(name: SideName, program: Program, onNoise?: (line: string) => void): SideClient {
  const child = spawn(program.command, [...program.args], {
    env: { ...process.env, ...program.env },
    stdio: ["pipe", "pipe", "pipe"],
    // A group of its own: Ctrl-C in a terminal reaches this process alone, which ends it with all that it started.
    detached: hasGroups,
  });
  const killed = (): void => signalAll(child, "SIGKILL");
  process.once("exit", killed);
  const waiting = new Map<number, (reply: Reply) => void>();
  const lastNoise: string[] = [];
  const fail = (problem: string): void => {
    for (const [id, resolve] of waiting) resolve({ id, problem });
    waiting.clear();
  };
  createInterface({ input: child.stdout }).on("line", (line) => {
    const reply = line.startsWith('{"id":') ? (JSON.parse(line) as Reply) : undefined;
    if (reply === undefined) return onNoise?.(line);
    waiting.get(reply.id)?.(reply);
    waiting.delete(reply.id);
  });
  createInterface({ input: child.stderr }).on("line", (line) => {
    lastNoise.push(line);
    if (lastNoise.length > 40) lastNoise.shift();
    onNoise?.(line);
  });
  child.on("error", (error) => fail(error.message));
  child.on("close", () => process.off("exit", killed));
  child.on("close", (code, signal) => fail(`its process ended (${signal ?? code}): ${reasonIn(lastNoise)}`));
  child.stdin.on("error", () => undefined);
  let count = 0;
  const ask = async (request: Ask): Promise<Reply> => {
    const id = ++count;
    if (hasEnded(child)) return { id, problem: `its process has ended: ${reasonIn(lastNoise)}` };
    pause(child, false);
    const reply = new Promise<Reply>((resolve) => waiting.set(id, resolve));
    child.stdin.write(`${JSON.stringify({ id, ...request })}\n`);
    const result = await reply;
    if (request.ask !== "quit") pause(child, true);
    return result;
  };
  const close = async (): Promise<void> => {
    if (hasEnded(child)) return;
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
    const late = setTimeout(() => signalAll(child, "SIGKILL"), 5000);
    void ask({ ask: "quit" });
    await ended;
    clearTimeout(late);
  };
  return { name, ask, close };
}

/** The line of an error message among the last lines that a process printed. */
function reasonIn(lines: readonly string[]): string {
  const line =
    lines.findLast((text) => /error/i.test(text) && !/^\s+at /.test(text)) ?? lines.at(-1) ?? "no word";
  return line.trim().slice(0, 200);
}

const hasEnded = (child: ChildProcess): boolean =>
  child.exitCode !== null || child.signalCode !== null || child.pid === undefined;

const hasGroups = process.platform !== "win32";

function pause(child: ChildProcess, stop: boolean): void {
  if (hasGroups && !hasEnded(child)) signalAll(child, stop ? "SIGSTOP" : "SIGCONT");
}

/** To the process and to all that it started: GDAL's side starts programs. */
function signalAll(child: ChildProcess, signal: NodeJS.Signals): void {
  if (!hasGroups || child.pid === undefined) return void child.kill(signal);
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The last of them has ended meanwhile.
  }
}
