import { GlofError, type OnProgress } from "@glof/core";
import {
  type PredictRasterOptions,
  type PredictRasterSummary,
  type ProbabilityRows,
  planTiles,
  predictRaster,
  type TilePredictor,
} from "@glof/inference";
import { disposeParams, type Model, type Params, sigmoid, storeForPrediction, warmUpWebgpu } from "@glof/nn";
import { type ReflectanceWindow, requireBands, type Scene } from "@glof/sentinel2";
import * as tf from "@tensorflow/tfjs-core";
import { buildLakeSegmenter } from "./build_lake_segmenter.js";
import { openOrtEngine } from "./engine/ort_engine.js";
import type { OrtEngineOptions, SegmenterEngine, TileEngine } from "./engine/types.js";
import type { ModelCard } from "./model_card.js";
import { normaliseReflectance } from "./normalise.js";
import { type BundleSource, type OpenBundleOptions, openBundle } from "./open_bundle.js";
import { readNormalised } from "./read_normalised.js";
import { checkTiling, type SegmenterConfig } from "./segmenter_config.js";

/** What a segmenter is made of, when it is not loaded from a bundle. */
export interface LakeSegmenterParts {
  readonly config: SegmenterConfig;
  /** The segmenter takes them over: its `dispose` disposes them. */
  readonly params: Params;
  readonly card?: ModelCard;
  /** Of the weights, where they came from a bundle. */
  readonly sha256?: string;
  /** Runs every forward pass instead of the current backend; `params` may then be empty. Taken over, too. */
  readonly engine?: TileEngine;
}

/** Options of `LakeSegmenter.load`. */
export interface LoadSegmenterOptions extends OpenBundleOptions, OrtEngineOptions {
  /**
   * `"tfjs"`: the current backend. `"ort"`: ONNX Runtime on the CPU, in threads of its own (Node, with the optional peer
   * `onnxruntime-node`); no backend is needed then. Default `"tfjs"`.
   */
  readonly engine?: SegmenterEngine;
}

/** Options of `LakeSegmenter.predictScene`. */
export interface PredictSceneOptions {
  /** Takes finished rows in order, each once. The arrays are reused afterwards: copy what you keep. */
  readonly onRows: (rows: ProbabilityRows) => Promise<void>;
  /** Side of a tile, a multiple of the patch. Default: the config's. */
  readonly tilePx?: number;
  /** Least overlap of neighbouring tiles. Default: the config's. */
  readonly overlapPx?: number;
  /** Moves the tiles, to see what the tiling does. Default 0. */
  readonly shiftPx?: number;
  /** Tiles per forward pass. Default 1. */
  readonly batchSize?: number;
  /**
   * Runs the tiles elsewhere, such as in worker threads that each loaded the same bundle and call `predictPixels`.
   * Default: here, on the current backend.
   */
  readonly predictor?: TilePredictor;
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
}

/**
 * A lake segmenter with its weights, ready to run. It owns the weights, or an engine that has them, and nothing else:
 * `dispose` frees them and leaves the backend alone.
 */
export class LakeSegmenter {
  readonly config: SegmenterConfig;
  readonly card: ModelCard | undefined;
  readonly sha256: string | undefined;
  private readonly model: Model<tf.Tensor4D, tf.Tensor4D, SegmenterConfig>;
  private readonly params: Params;
  private readonly engine: TileEngine | undefined;
  /** Shaders by the backend and the shape of a batch; see `warmUp`. */
  private readonly warm = new Map<string, Promise<void>>();
  private disposed = false;

  constructor(parts: LakeSegmenterParts) {
    this.model = buildLakeSegmenter(parts.config);
    this.config = parts.config;
    this.params = parts.params;
    this.card = parts.card;
    this.sha256 = parts.sha256;
    this.engine = parts.engine;
  }

  /** What computes, for people; `undefined` for the current backend. */
  get engineDescription(): string | undefined {
    return this.engine?.description;
  }

  /** What runs tiles where they do not run on the current backend: to put something around it for `predictScene`. */
  get tilePredictor(): TilePredictor | undefined {
    return this.engine;
  }

  /**
   * Loads a bundle: a path (file or folder), a URL, or the bytes of a file. On WebGPU with precision "f16" in force
   * (`selectBackend`) its weights are kept as halves.
   * @throws GlofError what `openBundle` throws; `parameter-mismatch` when weights and config do not fit each other;
   * what `openOrtEngine` throws
   */
  static async load(source: BundleSource, options: LoadSegmenterOptions = {}): Promise<LakeSegmenter> {
    const { config, card, sha256, checkpoint } = await openBundle(source, options);
    if (options.engine === "ort") {
      const { threads, workers, signal } = options;
      const engine = await openOrtEngine({ config, checkpoint, threads, workers, signal });
      return new LakeSegmenter({ config, card, sha256, params: {}, engine });
    }
    try {
      const loaded = await buildLakeSegmenter(config).load(checkpoint, { signal: options.signal });
      const params = await storeForPrediction(loaded);
      return new LakeSegmenter({ config, card, sha256, params });
    } finally {
      await checkpoint.close();
    }
  }

  /**
   * Lake probability of one image that fits in memory, in one tile.
   *
   * @param window reflectance in the order of `config.bands`
   * @param size of the window; any: it is mirrored to a multiple of the patch and cropped back
   * @returns row-major [rows, cols], NaN where not valid
   * @throws GlofError `shape-mismatch`; `aborted`
   */
  async predictTile(
    window: ReflectanceWindow,
    size: readonly [rows: number, cols: number],
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<Float32Array> {
    const [height, width] = size;
    this.checkWindow(window, height * width);
    const patchPx = this.config.backbone.patchSizePx;
    const tilePx = Math.ceil(Math.max(height, width) / patchPx) * patchPx;
    const input = normaliseReflectance(window, this.config.normalisation);
    const prob = new Float32Array(height * width);
    await this.run({
      plan: planTiles({ width, height, tilePx, overlapPx: 0 }),
      read: async () => input,
      write: async (rows) => prob.set(rows.prob, rows.y * width),
      signal: options.signal,
    });
    return prob;
  }

  /**
   * Lake probability of a whole scene, row by row, in memory bounded by one row of tiles. Tiles without a pixel that the
   * scene holds valid, such as under closed cloud, are not run.
   *
   * @returns how many tiles there were, and how many were skipped
   * @throws GlofError `missing-band` when the scene lacks a band of `config.bands`; `bad-config` for tiles that the
   * model cannot take; `aborted`; and what `onRows` and reading the scene throw
   */
  async predictScene(scene: Scene, options: PredictSceneOptions): Promise<PredictRasterSummary> {
    const { bands, backbone, name } = this.config;
    const { tilePx = this.config.tilePx, overlapPx = this.config.overlapPx, shiftPx = 0 } = options;
    requireBands(scene, bands, `LakeSegmenter(${name})`);
    checkTiling({ tilePx, overlapPx }, backbone.patchSizePx, "predictScene");
    const { width, height } = scene.grid;
    return this.run({
      plan: planTiles({ width, height, tilePx, overlapPx, shiftPx }),
      read: (window, signal, spare) => readNormalised(scene, window, this.config, { signal, spare }),
      write: options.onRows,
      batchSize: options.batchSize,
      predict: options.predictor,
      signal: options.signal,
      onProgress: options.onProgress,
    });
  }

  /**
   * Lake probability of a batch of tiles as `TilePredictor.predict` gets them: for workers that serve a `predictScene`
   * elsewhere.
   *
   * @param pixels normalised, row-major `shape`
   * @param shape [N, rows, cols, bands], rows and cols multiples of the patch
   * @returns row-major [N, rows, cols]
   * @throws GlofError `bad-argument` after `dispose`
   */
  async predictPixels(
    pixels: Float32Array,
    shape: readonly [N: number, rows: number, cols: number, bands: number],
  ): Promise<Float32Array> {
    this.checkInUse();
    if (this.engine) return this.engine.predict(pixels.slice(), shape);
    await this.warm.get(warmKey(shape));
    const prob = tf.tidy(() => this.forward(tf.tensor4d(pixels, [...shape])));
    try {
      return await prob.data<"float32">();
    } finally {
      prob.dispose();
    }
  }

  /** Frees the weights, and ends the engine's threads. Safe to call twice. */
  dispose(): void {
    this.disposed = true;
    void this.engine?.close();
    disposeParams(this.params);
  }

  private async run(
    options: Omit<PredictRasterOptions, "bandCount" | "predict"> & { predict?: TilePredictor },
  ): Promise<PredictRasterSummary> {
    this.checkInUse();
    const bandCount = this.config.bands.length;
    const predict = options.predict ?? this.engine;
    if (predict) return predictRaster({ ...options, bandCount, predict });
    const { plan, batchSize = 1, read } = options;
    const batch = Math.min(batchSize, plan.tileX.length * plan.tileY.length);
    return predictRaster({
      ...options,
      bandCount,
      read: async (window, signal, spare) => {
        const [input] = await Promise.all([
          read(window, signal, spare),
          this.warmUp([batch, plan.tilePx, plan.tilePx, bandCount]),
        ]);
        return input;
      },
      predict: (tiles) => this.forward(tiles),
    });
  }

  /**
   * Has the shaders for batches of a shape compiled on WebGPU, beside whatever comes before the first; `predictPixels` waits for
   * them, and `predictScene` does all this by itself. A failure is left to the forward pass, which compiles what is missing and says
   * what is wrong with it. On other backends and engines there is nothing to do.
   *
   * @param shape [N, rows, cols, bands], rows and cols multiples of the patch
   */
  warmUp(shape: readonly [N: number, rows: number, cols: number, bands: number]): Promise<void> {
    const key = warmKey(shape);
    const known = this.warm.get(key);
    if (known) return known;
    const warm = this.engine
      ? Promise.resolve()
      : warmUpWebgpu(() => this.forward(tf.zeros([...shape]))).catch(() => undefined);
    this.warm.set(key, warm);
    return warm;
  }

  private forward(batch: tf.Tensor4D): tf.Tensor4D {
    return sigmoid(this.model.forward(this.params, batch)) as tf.Tensor4D;
  }

  private checkInUse(): void {
    if (!this.disposed) return;
    throw new GlofError(
      "bad-argument",
      `LakeSegmenter(${this.config.name}): expected a segmenter in use, got one that was disposed. Load it again.`,
    );
  }

  private checkWindow({ bandsRefl, validMask }: ReflectanceWindow, pixelCount: number): void {
    const { bands } = this.config;
    const lengths = [...bandsRefl, validMask].map((array) => array.length);
    if (bandsRefl.length === bands.length && lengths.every((length) => length === pixelCount)) return;
    throw new GlofError(
      "shape-mismatch",
      `predictTile: expected ${bands.length} bands (${bands.join(", ")}) and a mask of ${pixelCount} pixels each, ` +
        `got arrays of ${lengths.join(", ")}. Read the bands of the config in its order.`,
      { expected: pixelCount, lengths },
    );
  }
}

/** Shaders are of a backend and a shape. */
function warmKey(shape: readonly number[]): string {
  return [tf.getBackend(), ...shape].join(" ");
}
