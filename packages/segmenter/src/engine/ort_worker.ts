import type { Worker } from "node:worker_threads";
import { GlofError } from "@glof/core";
import type { OrtPackage } from "./ort_package.js";
import { type OrtAnswer, type OrtOrder, ortWorkerSource } from "./ort_worker_source.js";

interface Pending {
  resolve(answer: { readonly prob?: Float32Array }): void;
  reject(error: unknown): void;
}

/** A thread with ONNX Runtime. Idle, it does not keep the process alive. */
export class OrtWorker {
  private readonly pending = new Map<number, Pending>();
  private failure: unknown;
  private lastId = 0;

  private constructor(private readonly thread: Worker) {
    thread.unref();
    thread.on("message", (answer: OrtAnswer) => this.take(answer));
    thread.on("error", (error) => this.fail(loadFailure(error)));
    thread.on("exit", (code) =>
      this.fail(
        new GlofError(
          "internal",
          `engine "ort": expected its thread to go on, it ended with code ${code}. Use the engine "tfjs".`,
        ),
      ),
    );
  }

  static async start({ path }: OrtPackage): Promise<OrtWorker> {
    const { Worker: Thread } = await import("node:worker_threads");
    return new OrtWorker(new Thread(ortWorkerSource, { eval: true, workerData: { ortPath: path } }));
  }

  /** Orders under way. */
  get load(): number {
    return this.pending.size;
  }

  /** @param transfer buffers that the thread takes over */
  order(order: OrtOrder, transfer: readonly ArrayBuffer[] = []): Promise<{ readonly prob?: Float32Array }> {
    return new Promise((resolve, reject) => {
      if (this.failure !== undefined) return reject(this.failure);
      const id = ++this.lastId;
      this.pending.set(id, { resolve, reject });
      this.thread.ref();
      this.thread.postMessage({ id, order }, transfer);
    });
  }

  /** Ends the thread; it computes the batch under way to its end first. */
  async close(): Promise<void> {
    this.fail(new GlofError("aborted", 'engine "ort": stopped, because its segmenter was disposed.'));
    await this.thread.terminate();
  }

  private take(answer: OrtAnswer): void {
    const pending = this.pending.get(answer.id);
    this.settled(answer.id);
    if (!("failure" in answer)) {
      pending?.resolve(answer);
      return;
    }
    pending?.reject(
      new GlofError(
        /alloc|memory/i.test(answer.failure) ? "out-of-memory" : "internal",
        `engine "ort": expected ONNX Runtime to compute, got "${answer.failure}". ` +
          'Use smaller tiles or batches, or the engine "tfjs".',
      ),
    );
  }

  private settled(id: number): void {
    this.pending.delete(id);
    if (this.pending.size === 0) this.thread.unref();
  }

  private fail(error: unknown): void {
    this.failure ??= error;
    for (const [id, { reject }] of this.pending) {
      this.settled(id);
      reject(this.failure);
    }
  }
}

function loadFailure(error: unknown): GlofError {
  const text = error instanceof Error ? error.message : String(error);
  return new GlofError(
    "backend-unavailable",
    `engine "ort": expected onnxruntime-node to load, got "${text}". Install it again, or use the engine "tfjs".`,
    { cause: error },
  );
}
