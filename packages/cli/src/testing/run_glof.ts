import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { vi } from "vitest";
import { runCli } from "../run_cli.js";

/** What a command line led to. */
export interface GlofRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process. */
export async function runGlof(...args: readonly string[]): Promise<GlofRun> {
  const written = { stdout: "", stderr: "" };
  const capture = (name: "stdout" | "stderr") =>
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      written[name] += String(text);
      return true;
    });
  const spies = [capture("stdout"), capture("stderr")];
  try {
    return { code: await runCli(args), ...written };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

/** The command in a process of its own. */
export interface GlofProcess {
  readonly child: ChildProcess;
  /** Resolves once stderr holds the text. */
  says(text: string): Promise<void>;
  /** Resolves when the process has ended. */
  readonly end: Promise<GlofRun>;
}

const main = fileURLToPath(new URL("../main.ts", import.meta.url));
/** Its tsconfig.json names the sources of the packages. */
const root = fileURLToPath(new URL("../../../../", import.meta.url));

/** Starts a command line in a process of its own, from the sources. */
export function startGlof(...args: readonly string[]): GlofProcess {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  const child = spawn(process.execPath, ["--import", tsx, main, ...args], { cwd: root });
  const written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].on("data", (piece: Buffer) => {
      written[name] += piece.toString();
    });
  }
  const end = new Promise<GlofRun>((resolve) => {
    child.on("close", (code) => resolve({ code: code ?? -1, ...written }));
  });
  const says = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (written.stderr.includes(text)) resolve();
      };
      child.stderr.on("data", look);
      child.on("close", () => reject(new Error(`ended without saying "${text}": ${written.stderr}`)));
      look();
    });
  return { child, says, end };
}
