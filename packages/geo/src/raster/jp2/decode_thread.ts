import type { Worker } from "node:worker_threads";
import { loadModules, loadThreads } from "../../node_only.js";
import { type Decoded, type DecodeJob, maxIdleHeapBytes } from "./decode_job.js";
import { type DecodeThreadStart, decodeThreadSource } from "./decode_thread_source.js";
import { corruptJp2 } from "./jp2_errors.js";

interface Pending {
  resolve(answer: unknown): void;
  reject(error: unknown): void;
}

/** A thread with a decoder of its own, for one codestream at a time. Idle, it does not keep the process alive. */
export class DecodeThread {
  /** Who waits for the next message. */
  private pending: Pending | undefined;
  private failure: unknown;

  private constructor(private readonly thread: Worker) {
    thread.on("message", (answer) => this.pending?.resolve(answer));
    thread.on("error", (error) => this.fail(error));
    thread.on("exit", (code) => this.fail(new Error(`its thread ended with code ${code}`)));
  }

  /** @throws whatever keeps the thread or OpenJPEG in it from starting */
  static async start(): Promise<DecodeThread> {
    const [{ Worker: Thread }, { createRequire }] = await Promise.all([loadThreads(), loadModules()]);
    const { resolve } = createRequire(import.meta.url);
    const openJpegPath = resolve("@cornerstonejs/codec-openjpeg/decodewasmjs");
    const workerData: DecodeThreadStart = { openJpegPath, maxIdleHeapBytes };
    // Loaders and the module type of the program's command line are not for this script.
    const thread = new DecodeThread(new Thread(decodeThreadSource, { eval: true, workerData, execArgv: [] }));
    await thread.answer<"ready">();
    return thread;
  }

  /**
   * @param job its stream is gone afterwards
   * @throws GlofError `corrupt-file` when the thread dies of it
   */
  async decode({ stream, level, name }: DecodeJob): Promise<Decoded> {
    this.thread.postMessage({ stream, level }, [stream.buffer]);
    try {
      return await this.answer<Decoded>();
    } catch (cause) {
      throw corruptJp2(name, `a tile that ends its decoder (${cause})`, cause);
    }
  }

  async close(): Promise<void> {
    await this.thread.terminate();
  }

  /** The next message; rejects when the thread ends before it. */
  private async answer<T>(): Promise<T> {
    this.thread.ref();
    try {
      return await new Promise<T>((resolve, reject) => {
        if (this.failure !== undefined) return reject(this.failure);
        this.pending = { resolve: resolve as (answer: unknown) => void, reject };
      });
    } finally {
      this.pending = undefined;
      this.thread.unref();
    }
  }

  private fail(error: unknown): void {
    this.failure ??= error;
    this.pending?.reject(this.failure);
  }
}
