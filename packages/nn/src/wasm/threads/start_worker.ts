import { workerSource } from "./worker_source.js";

/** What a worker needs to begin. All of it may be handed to another thread. */
export interface WorkerStart {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly control: SharedArrayBuffer;
  /** Names of the kernels by the index that calls carry. */
  readonly names: readonly string[];
  /** Which thread's scratch it uses; the main thread's is 0. */
  readonly slot: number;
}

/** Ends a worker. */
export type EndWorker = () => void;

interface NodeWorker {
  unref(): void;
  on(event: "error", listener: () => void): void;
  terminate(): Promise<unknown>;
}

interface WorkerThreads {
  readonly Worker: new (
    source: string,
    options: { eval: true; workerData: WorkerStart; execArgv: string[] },
  ) => NodeWorker;
}

/**
 * Starts a worker thread, which does not keep the process alive. A worker that cannot start does no work and no harm: the
 * other threads take its tasks.
 *
 * @returns `undefined` where there are no threads
 */
export function startWorker(start: WorkerStart): EndWorker | undefined {
  // Not an import: bundlers for the browser would have to resolve it.
  const threads = globalThis.process?.getBuiltinModule?.("node:worker_threads") as WorkerThreads | undefined;
  if (threads) return startNodeWorker(threads, start);
  return typeof Worker === "undefined" ? undefined : startWebWorker(start);
}

function startNodeWorker({ Worker: Thread }: WorkerThreads, start: WorkerStart): EndWorker {
  // Loaders and the module type of the program's command line are not for this script.
  const worker = new Thread(workerSource, { eval: true, workerData: start, execArgv: [] });
  worker.unref();
  worker.on("error", () => {});
  return () => void worker.terminate();
}

function startWebWorker(start: WorkerStart): EndWorker | undefined {
  const url = URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" }));
  try {
    const worker = new Worker(url);
    // A page whose content security policy forbids such workers hears of it here.
    worker.onerror = (event) => event.preventDefault();
    worker.postMessage(start);
    return () => worker.terminate();
  } catch {
    return undefined;
  } finally {
    // The worker has its own hold on the script once it has been asked for.
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }
}
