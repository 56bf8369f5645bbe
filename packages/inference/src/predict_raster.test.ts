import { isGlofError, type ProgressEvent, seededRng } from "@glof/core";
import { describeOnBackends, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { predictRaster, workingBytes } from "./predict_raster.js";
import { planTiles } from "./tile_plan.js";
import type { PredictRasterOptions, TileInput, TilePlan, TilePredictor } from "./types.js";

interface Raster {
  readonly width: number;
  readonly height: number;
  readonly bandCount: number;
  readonly pixels: Float32Array;
  readonly validMask: Uint8Array;
}

function randomRaster(width: number, height: number, bandCount = 1): Raster {
  const rng = seededRng(`${width} x ${height}`);
  const pixels = Float32Array.from({ length: width * height * bandCount }, () => rng.next());
  return { width, height, bandCount, pixels, validMask: new Uint8Array(width * height).fill(1) };
}

/** A bright disc on dark ground with soft noise: something to segment. */
function discRaster(size: number): Raster {
  const raster = randomRaster(size, size);
  for (let pixel = 0; pixel < size * size; pixel++) {
    const distance = Math.hypot((pixel % size) - size / 2, Math.floor(pixel / size) - size / 2);
    raster.pixels[pixel] = 0.2 * raster.pixels[pixel]! + 0.8 / (1 + Math.exp((distance - size / 3) / 2));
  }
  return raster;
}

function reader(raster: Raster, seenRows: number[] = []): PredictRasterOptions["read"] {
  return async (window): Promise<TileInput> => {
    expect(window.x).toBe(0);
    expect(window.width).toBe(raster.width);
    for (let row = window.y; row < window.y + window.height; row++) seenRows.push(row);
    const start = window.y * raster.width;
    const end = start + window.height * raster.width;
    return {
      pixels: raster.pixels.slice(start * raster.bandCount, end * raster.bandCount),
      validMask: raster.validMask.slice(start, end),
    };
  };
}

const identity = (batch: tf.Tensor4D): tf.Tensor4D => tf.slice4d(batch, [0, 0, 0, 0], [-1, -1, -1, 1]);

async function predict(
  raster: Raster,
  plan: TilePlan,
  options: Partial<PredictRasterOptions> = {},
): Promise<Float32Array> {
  const out = new Float32Array(raster.width * raster.height).fill(-1);
  let nextRow = 0;
  await predictRaster({
    plan,
    bandCount: raster.bandCount,
    read: reader(raster),
    predict: identity,
    write: async (rows) => {
      expect(rows.y).toBe(nextRow);
      expect(rows.prob.length).toBe(rows.height * raster.width);
      out.set(rows.prob, rows.y * raster.width);
      nextRow += rows.height;
    },
    ...options,
  });
  expect(nextRow).toBe(raster.height);
  return out;
}

const largestDifference = (a: Float32Array, b: Float32Array): number =>
  a.reduce((most, value, index) => Math.max(most, Math.abs(value - b[index]!)), 0);

describeOnBackends("predictRaster", () => {
  it("gives back the raster for a model that looks at one pixel", async () => {
    const tilePx = 8;
    for (const [width, height] of [
      [1, 1],
      [5, 1],
      [1, 21],
      [40, 1],
      [8, 8],
      [7, 9],
      [9, 7],
      [16, 16],
      [17, 15],
      [23, 24],
      [24, 25],
    ] as const) {
      for (const bandCount of [1, 3]) {
        const raster = randomRaster(width, height, bandCount);
        const plan = planTiles({ width, height, tilePx, overlapPx: 3 });
        const got = await predict(raster, plan, { batchSize: 2 });
        const want = raster.pixels.filter((_, index) => index % bandCount === 0);
        expect([...got]).toEqual([...want]);
      }
    }
  });

  it("shows no trace of the tiling for a model that looks at one pixel", async () => {
    const raster = randomRaster(45, 37);
    const model = (batch: tf.Tensor4D) => tf.sigmoid(tf.mul(batch, 3)) as tf.Tensor4D;
    const base = planTiles({ width: 45, height: 37, tilePx: 14, overlapPx: 4 });
    const first = await predict(raster, base, { predict: model });
    for (const shiftPx of [1, 5, 7]) {
      const plan = planTiles({ ...base, shiftPx });
      expect(plan.tileX).not.toEqual(base.tileX);
      const shifted = await predict(raster, plan, { predict: model, batchSize: 3 });
      expect(largestDifference(first, shifted)).toBe(0);
    }
  });

  it("leaves no seam: half a tile of shift changes a local model's probability by less than 0.01", async () => {
    const raster = discRaster(90);
    const overlapPx = 16;
    const base = planTiles({ width: 90, height: 90, tilePx: 42, overlapPx });
    const shifted = planTiles({ ...base, shiftPx: 21 });
    // The zero padding of a convolution spoils the five outermost pixels of each tile: no tile knows them better.
    const kernel = Array.from({ length: 121 }, () => 1 / 121);
    const model = (batch: tf.Tensor4D) =>
      tf.conv2d(batch, tf.tensor4d(kernel, [11, 11, 1, 1]), 1, "same") as tf.Tensor4D;
    const first = await predict(raster, base, { predict: model });
    const second = await predict(raster, shifted, { predict: model });
    expect(largestDifference(first, second)).toBeLessThan(0.01);
  });

  it("mirrors a raster smaller than the tile at its borders", async () => {
    const raster = randomRaster(3, 2);
    const plan = planTiles({ width: 3, height: 2, tilePx: 6, overlapPx: 1 });
    let seen: tf.Tensor4D | undefined;
    await predict(raster, plan, {
      predict: (batch) => {
        seen = tf.keep(batch.clone());
        return batch.clone();
      },
    });
    const tile = await seen!.data<"float32">();
    seen!.dispose();
    const [a, b, c] = raster.pixels;
    expect([...tile.slice(0, 6)]).toEqual([a, b, c, b, a, b]);
    expect([...tile.slice(12, 18)]).toEqual([a, b, c, b, a, b]);
  });

  it("reads each row once, in order, and reports each tile", async () => {
    const raster = randomRaster(30, 50);
    const seenRows: number[] = [];
    const events: ProgressEvent[] = [];
    const plan = planTiles({ width: 30, height: 50, tilePx: 12, overlapPx: 5 });
    await predict(raster, plan, {
      read: reader(raster, seenRows),
      onProgress: (event) => events.push(event),
      batchSize: 4,
    });
    expect(seenRows).toEqual(Array.from({ length: 50 }, (_, row) => row));
    expect(events.at(-1)).toEqual({
      stage: "tiles",
      done: plan.tileX.length * plan.tileY.length,
      total: plan.tileX.length * plan.tileY.length,
      unit: "tiles",
    });
  });

  it("skips tiles without a usable pixel and gives NaN where there is none", async () => {
    const raster = randomRaster(40, 20);
    for (let row = 0; row < 20; row++) raster.validMask.fill(0, row * 40 + 20, row * 40 + 40);
    let tiles = 0;
    let done = 0;
    const plan = planTiles({ width: 40, height: 20, tilePx: 10, overlapPx: 0 });
    const got = await predict(raster, plan, {
      predict: (batch) => {
        tiles += batch.shape[0];
        return batch.clone();
      },
      onProgress: (event) => {
        done = event.done;
      },
    });
    expect(tiles).toBe(4);
    expect(done).toBe(8);
    got.forEach((prob, pixel) => {
      if (raster.validMask[pixel] === 1) expect(prob).toBe(raster.pixels[pixel]);
      else expect(prob).toBeNaN();
    });
  });

  it("stops when it is cancelled", async () => {
    const stop = new AbortController();
    const raster = randomRaster(30, 30);
    const plan = planTiles({ width: 30, height: 30, tilePx: 10, overlapPx: 2 });
    const stopped = predict(raster, plan, {
      signal: stop.signal,
      onProgress: ({ done }) => {
        if (done === 3) stop.abort();
      },
    });
    await expect(stopped).rejects.toSatisfy((error) => isGlofError(error, "aborted"));
  });

  it("refuses a result of another shape or with NaN, and passes on the errors of its callers", async () => {
    const raster = randomRaster(20, 20);
    const plan = planTiles({ width: 20, height: 20, tilePx: 10, overlapPx: 2 });
    const half = predict(raster, plan, { predict: (batch) => tf.slice4d(batch, [0, 0, 0, 0], [1, 5, 5, 1]) });
    await expect(half).rejects.toSatisfy((error) => isGlofError(error, "shape-mismatch"));
    const nan = predict(raster, plan, { predict: (batch) => tf.mul(batch, Number.NaN) as tf.Tensor4D });
    await expect(nan).rejects.toSatisfy((error) => isGlofError(error, "internal"));
    const full = predict(raster, plan, { write: () => Promise.reject(new Error("disk")) });
    await expect(full).rejects.toThrow("disk");
    let reads = 0;
    const broken: PredictRasterOptions["read"] = (window, signal) =>
      reads++ === 0 ? reader(raster)(window, signal) : Promise.reject(new Error("block"));
    await expect(predict(raster, plan, { read: broken })).rejects.toThrow("block");
    const short = predict(raster, plan, {
      read: async () => ({ pixels: new Float32Array(3), validMask: new Uint8Array(3) }),
    });
    await expect(short).rejects.toSatisfy((error) => isGlofError(error, "shape-mismatch"));
  });

  it("gives the same by a predictor whose batches finish in any order, never more at once than it takes", async () => {
    const raster = randomRaster(70, 30, 2);
    const plan = planTiles({ width: 70, height: 30, tilePx: 10, overlapPx: 4 });
    const [underWay, most] = [new Set<number>(), { count: 0 }];
    let started = 0;
    const predictor: TilePredictor = {
      concurrency: 3,
      predict: async (pixels, [count, rows, cols, bands]) => {
        const number = started++;
        underWay.add(number);
        most.count = Math.max(most.count, underWay.size);
        // Later batches finish first.
        await new Promise((resolve) => setTimeout(resolve, 12 - 4 * (number % 3)));
        underWay.delete(number);
        return Float32Array.from({ length: count * rows * cols }, (_, pixel) => pixels[pixel * bands]!);
      },
    };
    const here = await predict(raster, plan, { batchSize: 2 });
    expect(await predict(raster, plan, { batchSize: 2, predict: predictor })).toEqual(here);
    expect(most.count).toBe(3);
    expect(workingBytes({ plan, bandCount: 2, predict: predictor })).toBeGreaterThan(
      workingBytes({ plan, bandCount: 2 }),
    );
  });

  it("fills a predictor's arrays again, but for those that it kept or transferred", async () => {
    const raster = randomRaster(40, 40);
    const plan = planTiles({ width: 40, height: 40, tilePx: 10, overlapPx: 2 });
    const tiles = plan.tileX.length * plan.tileY.length;
    const expected = await predict(raster, plan);
    const arraysOf = async (
      answer: (pixels: Float32Array) => Float32Array,
      sharesMemory = false,
    ): Promise<number> => {
      const seen = new Set<Float32Array>();
      const work: TilePredictor["predict"] = async (pixels) => {
        seen.add(pixels);
        expect(pixels.buffer instanceof SharedArrayBuffer).toBe(sharesMemory);
        await new Promise((resolve) => setTimeout(resolve, 1));
        return answer(pixels);
      };
      const predictor = { concurrency: 2, sharesMemory, predict: work };
      expect(await predict(raster, plan, { predict: predictor })).toEqual(expected);
      return seen.size;
    };
    expect(await arraysOf((pixels) => pixels.slice())).toBeLessThanOrEqual(4);
    expect(await arraysOf((pixels) => Float32Array.from(pixels), true)).toBeLessThanOrEqual(4);
    expect(await arraysOf((pixels) => pixels)).toBe(tiles);
    const transferred = (pixels: Float32Array): Float32Array =>
      structuredClone(pixels, { transfer: [pixels.buffer as ArrayBuffer] });
    expect(await arraysOf(transferred)).toBe(tiles);
  });

  it("gives the reader its earlier answers back, once the rows are copied", async () => {
    const raster = randomRaster(20, 90, 2);
    const plan = planTiles({ width: 20, height: 90, tilePx: 10, overlapPx: 2 });
    const expected = await predict(raster, plan);
    const given: (TileInput | undefined)[] = [];
    const read: PredictRasterOptions["read"] = async (window, signal, spare) => {
      given.push(spare);
      spare?.pixels.fill(Number.NaN);
      spare?.validMask.fill(0);
      return reader(raster)(window, signal);
    };
    expect(await predict(raster, plan, { read })).toEqual(expected);
    expect(given.filter((spare) => spare !== undefined).length).toBe(plan.tileY.length - 1);
  });

  it("passes on what a predictor throws, and refuses too few probabilities", async () => {
    const raster = randomRaster(40, 10);
    const plan = planTiles({ width: 40, height: 10, tilePx: 10, overlapPx: 2 });
    const by = (work: () => Promise<Float32Array>) =>
      predict(raster, plan, { predict: { concurrency: 2, predict: work } });
    await expect(by(() => Promise.reject(new Error("worker")))).rejects.toThrow("worker");
    await expect(by(async () => new Float32Array(7))).rejects.toSatisfy((error) =>
      isGlofError(error, "shape-mismatch"),
    );
    const none = predict(raster, plan, { predict: { concurrency: 0, predict: async (pixels) => pixels } });
    await expect(none).rejects.toSatisfy((error) => isGlofError(error, "bad-argument"));
  });

  it("leaves no tensor behind, whether it ends well or not", async () => {
    const raster = randomRaster(30, 30);
    const plan = planTiles({ width: 30, height: 30, tilePx: 10, overlapPx: 2 });
    await expectNoTensorGrowth(async () => void (await predict(raster, plan, { batchSize: 2 })));
    await expectNoTensorGrowth(async () => {
      let calls = 0;
      const failing = (batch: tf.Tensor4D) => {
        if (calls++ === 3) throw new Error("third");
        return batch.clone();
      };
      await expect(predict(raster, plan, { predict: failing })).rejects.toThrow("third");
    });
  });

  it("holds one row of tiles, whatever the height", () => {
    const bytesAt = (height: number): number =>
      workingBytes({ plan: planTiles({ width: 10980, height, tilePx: 518, overlapPx: 63 }), bandCount: 4 });
    expect(bytesAt(10980)).toBe(bytesAt(1_000_000));
    expect(bytesAt(10980) / 2 ** 20).toBeLessThan(256);
    expect(bytesAt(100)).toBeLessThan(bytesAt(518));
  });
});
