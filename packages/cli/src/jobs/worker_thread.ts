import { setTimeout } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { GlofError } from "@glof/core";
import { fromPlainFailure, type PlainFailure } from "./messages.js";

interface Pending<Answer> {
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/** What any thread may answer instead. */
interface FailedAnswer {
  readonly kind: "failed";
  readonly failure: PlainFailure;
}

/** Longer than the batches in work take on any GPU, ms. */
const lastBatchesMs = 60_000;

/** A thread that answers its orders in turn. */
export class WorkerThread<Order, Answer extends { readonly kind: string }> {
  private readonly thread: Worker;
  private readonly pending: Pending<Answer>[] = [];
  private readonly ended: Promise<void>;
  private failure: unknown;

  /**
   * @param entry its script
   * @param advice what to do when it ends by itself
   */
  constructor(entry: URL, advice: string) {
    // Some packages look into `workerData` in whatever thread loads them.
    this.thread = new Worker(entry, { workerData: {} });
    this.thread.on("message", (answer: Answer | FailedAnswer) => {
      const order = this.pending.shift();
      if (isFailed(answer)) order?.reject(fromPlainFailure(answer.failure));
      else order?.resolve(answer);
    });
    this.thread.on("error", (error) => this.fail(error));
    this.ended = new Promise((resolve) => {
      this.thread.on("exit", (code) => {
        const ended = `glof map: expected a worker thread to go on, it ended (code ${code}). ${advice}`;
        this.fail(new GlofError("internal", ended));
        resolve();
      });
    });
  }

  /** Orders that are not answered. */
  get load(): number {
    return this.pending.length;
  }

  /** @throws what went wrong over there, and whatever ends the thread */
  order(order: Order): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.failure !== undefined) return reject(this.failure);
      this.pending.push({ resolve, reject });
      this.thread.postMessage(order);
    });
  }

  /** Ends the thread in whatever it does. */
  async close(): Promise<void> {
    this.fail(stopped());
    await this.thread.terminate();
  }

  /**
   * Tells the thread to end by itself, and ends it when it has not after a minute. For threads that drive a GPU: where one is ended
   * while the driver calls back, the whole process dies of it.
   */
  async finish(order: Order): Promise<void> {
    this.fail(stopped());
    this.thread.postMessage(order);
    const late = new AbortController();
    const tooLate = setTimeout(lastBatchesMs, undefined, { signal: late.signal }).catch(() => {});
    await Promise.race([this.ended, tooLate]);
    late.abort();
    await this.thread.terminate();
  }

  private fail(error: unknown): void {
    this.failure ??= error;
    for (const { reject } of this.pending.splice(0)) reject(this.failure);
  }
}

const stopped = (): GlofError => new GlofError("aborted", "glof map: the workers were stopped.");

const isFailed = (answer: { readonly kind: string }): answer is FailedAnswer => answer.kind === "failed";
