import type { Checkpoint } from "@glof/checkpoint";
import { GlofError, throwIfAborted } from "@glof/core";
import { serializeOnnx } from "@glof/onnx";
import { buildSegmenterOnnx } from "../onnx/segmenter_onnx.js";
import type { SegmenterConfig } from "../segmenter_config.js";
import { type OrtPackage, requireOrtPackage } from "./ort_package.js";
import { OrtWorker } from "./ort_worker.js";
import type { OrtEngineOptions, TileEngine } from "./types.js";

/** Sizes of tiles that stay loaded: position embeddings are part of the graph, so each size is a session. */
const sizesKept = 2;

/** What `openOrtEngine` needs. */
export interface OrtEngineParts extends OrtEngineOptions {
  readonly config: SegmenterConfig;
  /** The engine takes it over and closes it: weights are read again for each new size of tiles. */
  readonly checkpoint: Checkpoint;
  readonly signal?: AbortSignal | undefined;
}

/**
 * ONNX Runtime (the optional peer `onnxruntime-node`) on the CPU, in threads of its own: it runs the segmenter's graph as
 * `buildSegmenterOnnx` writes it. The session for the config's tile is made at once.
 *
 * @throws GlofError `backend-unavailable` where the package is not installed or does not load; `bad-argument`;
 * `parameter-mismatch`; `limit-exceeded` for weights of 2 GiB and more; `aborted`
 */
export async function openOrtEngine(parts: OrtEngineParts): Promise<TileEngine> {
  const { checkpoint, config, signal, workers = 1 } = parts;
  try {
    const ort = await requireOrtPackage();
    const threads = parts.threads ?? (await threadsFor(workers));
    checkCount("workers", workers);
    checkCount("threads", threads);
    const started = await Promise.all(Array.from({ length: workers }, () => OrtWorker.start(ort)));
    const engine = new OrtEngine(started, parts, threads, ort);
    try {
      throwIfAborted(signal, "openOrtEngine");
      await engine.prepare([config.tilePx, config.tilePx]);
      throwIfAborted(signal, "openOrtEngine");
    } catch (error) {
      await engine.close();
      throw error;
    }
    return engine;
  } catch (error) {
    await checkpoint.close();
    throw error;
  }
}

/** Sessions for tiles of one size, one in each worker. */
interface LoadedSize {
  readonly key: string;
  readonly ready: Promise<void>;
  /** Batches under way. */
  users: number;
}

class OrtEngine implements TileEngine {
  readonly concurrency: number;
  readonly description: string;
  /** The one that was asked for longest ago comes first. */
  private readonly sizes = new Map<string, LoadedSize>();

  constructor(
    private readonly workers: readonly OrtWorker[],
    private readonly parts: OrtEngineParts,
    private readonly threads: number,
    ort: OrtPackage,
  ) {
    // Twice as many batches as workers: none waits while the oldest batch is being blended.
    this.concurrency = 2 * workers.length;
    this.description = `ONNX Runtime ${ort.version} on the CPU, ${workers.length} x ${threads} threads`;
  }

  async predict(
    pixels: Float32Array,
    shape: readonly [N: number, rows: number, cols: number, bands: number],
  ): Promise<Float32Array> {
    const loaded = this.sizeOf([shape[1], shape[2]]);
    loaded.users++;
    try {
      await loaded.ready;
      const free = this.workers.reduce((best, worker) => (worker.load < best.load ? worker : best));
      const { prob } = await free.order({ kind: "run", key: loaded.key, pixels, shape }, [
        // It asks for no shared memory: ONNX Runtime would have to take tensors of it.
        pixels.buffer as ArrayBuffer,
      ]);
      return prob!;
    } finally {
      loaded.users--;
    }
  }

  /** Makes the sessions of a size ahead of its first batch. */
  async prepare(size: readonly [rows: number, cols: number]): Promise<void> {
    await this.sizeOf(size).ready;
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.close()));
    await this.parts.checkpoint.close();
  }

  /** The sessions of a size, being made or there, and now the last that were asked for. */
  private sizeOf(size: readonly [rows: number, cols: number]): LoadedSize {
    const key = size.join(" x ");
    const known = this.sizes.get(key);
    this.sizes.delete(key);
    const loaded = known ?? { key, users: 0, ready: this.load(key, size) };
    this.sizes.set(key, loaded);
    if (!known) loaded.ready.catch(() => this.sizes.get(key) === loaded && this.sizes.delete(key));
    return loaded;
  }

  private async load(key: string, size: readonly [rows: number, cols: number]): Promise<void> {
    const idle = [...this.sizes.values()].filter(({ users }) => users === 0);
    for (const { key: old } of idle.slice(0, Math.max(0, this.sizes.size + 1 - sizesKept))) {
      this.sizes.delete(old);
      await Promise.all(this.workers.map((worker) => worker.order({ kind: "drop", key: old })));
    }
    const { config, checkpoint, signal } = this.parts;
    const graph = buildSegmenterOnnx(config, checkpoint, { size, layout: "nhwc", attention: "fused" });
    const bytes = await serializeOnnx(graph, { signal });
    const copies = this.workers.map((_, index) => (index === 0 ? bytes : bytes.slice()));
    await Promise.all(
      this.workers.map((worker, index) => {
        const model = copies[index]!;
        const order = { kind: "load", key, model, threads: this.threads } as const;
        return worker.order(order, [model.buffer as ArrayBuffer]);
      }),
    );
  }
}

async function threadsFor(workers: number): Promise<number> {
  const { availableParallelism } = await import("node:os");
  return Math.max(1, Math.floor(availableParallelism() / workers));
}

function checkCount(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 1) return;
  throw new GlofError(
    "bad-argument",
    `openOrtEngine: expected ${name} to be a whole number of at least 1, got ${value}. Correct it.`,
    { name, value },
  );
}
