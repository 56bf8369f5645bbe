import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { InputFiles } from "./fuzz_target.js";
import type { InputMessage, InputOutcome } from "./worker.js";

/** Limits on what one input may take. */
export interface InputLimits {
  readonly seconds: number;
  /** Of JavaScript objects in the worker. */
  readonly heapMiB: number;
  /** Of one array of bytes. */
  readonly arrayMiB: number;
  /** Growth of the whole process. */
  readonly processMiB: number;
}

/** Outcome of an input, with what only shows from outside. */
export interface JudgedInput extends Omit<InputOutcome, "largestBytes"> {
  /** True for a crash, a hang, or too much memory. */
  readonly isFailure: boolean;
}

// biome-ignore lint/suspicious/noExplicitAny: as Node types them
type Listener = (value: any) => void;

/** Runs inputs one after the other in a worker thread, which is replaced when one of them breaks it. */
export class Executor {
  private worker: Worker | undefined;
  private startBytes = 0;

  constructor(private readonly limits: InputLimits) {}

  /**
   * Runs an input. One that breaks the worker is run again in a fresh one: a busy machine is slow, and garbage of earlier
   * inputs is not this one's.
   */
  async run(target: string, files: InputFiles): Promise<JudgedInput> {
    const first = await this.runOnce(target, files);
    if (!first.isFailure || this.worker !== undefined) return first;
    const second = await this.runOnce(target, files);
    if (second.isFailure || first.code !== "crash") return second;
    return { ...first, message: `(only after other inputs) ${first.message}` };
  }

  async close(): Promise<void> {
    const { worker } = this;
    this.worker = undefined;
    await worker?.terminate();
  }

  private async start(): Promise<Worker> {
    const worker = new Worker(new URL("./worker_entry.mjs", import.meta.url), {
      // The package web-worker, which geotiff imports, reads it in every thread but the first.
      workerData: {},
      resourceLimits: { maxOldGenerationSizeMb: this.limits.heapMiB },
      stdout: true,
      stderr: true,
    });
    await once(worker, "message");
    this.startBytes = process.memoryUsage.rss();
    this.worker = worker;
    return worker;
  }

  private async runOnce(target: string, files: InputFiles): Promise<JudgedInput> {
    const worker = this.worker ?? (await this.start());
    const { seconds, arrayMiB, processMiB } = this.limits;
    const started = Date.now();
    return new Promise((resolve) => {
      const stopListening = (): void => {
        clearInterval(watch);
        for (const [event, listener] of listeners) worker.off(event, listener);
      };
      const settle = (judged: JudgedInput): void => {
        stopListening();
        resolve(judged);
      };
      // What hangs must not go on beside the next input.
      const giveUp = (code: string, message: string): void => {
        stopListening();
        this.worker = undefined;
        void worker.terminate().then(() => resolve({ code, message, isFailure: true }));
      };
      const watch = setInterval(() => {
        if (Date.now() - started > seconds * 1000) giveUp("hang", `no end after ${seconds} s`);
        const grown = (process.memoryUsage.rss() - this.startBytes) / 2 ** 20;
        if (grown > processMiB) giveUp("memory", `the process has grown by ${grown.toFixed(0)} MiB`);
      }, 20);
      const listeners: readonly (readonly [string, Listener])[] = [
        [
          "message",
          ({ code, message, largestBytes }: InputOutcome) => {
            const mebibytes = largestBytes / 2 ** 20;
            if (mebibytes <= arrayMiB) settle({ code, message, isFailure: code === "crash" });
            else
              settle({
                code: "memory",
                message: `an array of ${mebibytes.toFixed(0)} MiB (${code}) ${message}`,
                isFailure: true,
              });
          },
        ],
        ["error", (error: Error) => giveUp("crash", error.stack ?? String(error))],
        ["exit", (code: number) => giveUp("crash", `the worker ended with code ${code}`)],
      ];
      for (const [event, listener] of listeners) worker.on(event, listener);
      worker.postMessage({ target, files } satisfies InputMessage);
    });
  }
}
