import { isGlofError, type ProgressEvent } from "@glof/core";
import { describe, expect, it } from "vitest";
import { predictRaster } from "./predict_raster.js";
import { countTiles, planTiles } from "./tile_plan.js";
import { TileProgress } from "./tile_progress.js";
import type { PredictRasterOptions, TileInput, TilePredictor } from "./types.js";

const later = (ms = 0): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A promise that is settled from outside. */
function gate(): { readonly passed: Promise<void>; open(): void } {
  let open = (): void => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}

const plan = planTiles({ width: 24, height: 44, tilePx: 8, overlapPx: 2 });
const tilesOfRow = plan.tileX.length;

const ones = async ({ width, height }: { width: number; height: number }): Promise<TileInput> => ({
  pixels: new Float32Array(width * height).fill(0.5),
  validMask: new Uint8Array(width * height).fill(1),
});

const instant: TilePredictor = {
  concurrency: 2,
  predict: async (pixels) => pixels.slice(),
};

const run = (options: Partial<PredictRasterOptions>) =>
  predictRaster({ plan, bandCount: 1, read: ones, predict: instant, write: async () => {}, ...options });

/** Long enough for everything that waits for nothing to have happened. */
const settled = (): Promise<void> => later(150);

describe("predictRaster as a pipeline", () => {
  it("goes on with the model while rows are written, but no further than one strip ahead", async () => {
    const disk = gate();
    const writes: number[] = [];
    let tiles = 0;
    const done = run({
      predict: {
        concurrency: 2,
        predict: async (pixels, [count]) => {
          tiles += count;
          return pixels.slice();
        },
      },
      write: async ({ y }) => {
        writes.push(y);
        await disk.passed;
      },
    });
    await settled();
    expect(writes).toEqual([0]);
    // The second row of tiles is blended, and what comes after it fills the batches under way and no more.
    expect(tiles).toBeGreaterThanOrEqual(2 * tilesOfRow);
    expect(tiles).toBeLessThanOrEqual(2 * tilesOfRow + 3);
    disk.open();
    await done;
    expect(writes).toEqual(plan.tileY);
    expect(tiles).toBe(countTiles(plan));
  });

  it("reads one row of tiles ahead of a slow model, and no more", async () => {
    const device = gate();
    const reads: number[] = [];
    const done = run({
      read: (window) => {
        reads.push(window.y);
        return ones(window);
      },
      predict: { concurrency: 2, predict: (pixels) => device.passed.then(() => pixels.slice()) },
    });
    await settled();
    expect(reads).toHaveLength(2);
    device.open();
    await done;
    expect(reads).toHaveLength(plan.tileY.length);
  });

  it("keeps batches full across rows of tiles, and starts the last as it is", async () => {
    const sizes: number[] = [];
    const result = await run({
      batchSize: 3,
      predict: {
        concurrency: 1,
        predict: async (pixels, [count]) => {
          sizes.push(count);
          expect(pixels).toHaveLength(count * 64);
          return pixels.slice();
        },
      },
    });
    const tiles = countTiles(plan);
    expect(tilesOfRow % 3).not.toBe(0);
    expect(sizes).toEqual([
      ...Array<number>(Math.floor(tiles / 3)).fill(3),
      ...(tiles % 3 ? [tiles % 3] : []),
    ]);
    expect(result).toEqual({ tiles, skippedTiles: 0 });
  });

  it("starts the next row of tiles before any batch of this one is back", async () => {
    const device = gate();
    let calls = 0;
    const done = run({
      predict: {
        concurrency: tilesOfRow + 2,
        predict: (pixels) => {
          calls++;
          return device.passed.then(() => pixels.slice());
        },
      },
    });
    await settled();
    expect(calls).toBe(tilesOfRow + 2);
    device.open();
    await done;
  });

  it("writes rows without data as they come, and holds none of them back", async () => {
    const written: string[] = [];
    const reads: string[] = [];
    const result = await run({
      read: async (window) => {
        reads.push(`read ${window.y}`);
        written.push(`read ${window.y}`);
        return { ...(await ones(window)), validMask: new Uint8Array(window.width * window.height) };
      },
      write: async ({ y, prob }) => {
        expect(prob.every(Number.isNaN)).toBe(true);
        written.push(`write ${y}`);
      },
    });
    expect(result.skippedTiles).toBe(countTiles(plan));
    expect(written.indexOf("write 0")).toBeLessThan(written.indexOf(reads[3]!));
  });
});

describe("predictRaster when something goes wrong", () => {
  it("stops at once when it is cancelled, however long a batch elsewhere takes", async () => {
    const stop = new AbortController();
    const forever = run({
      signal: stop.signal,
      predict: { concurrency: 2, predict: () => new Promise<Float32Array>(() => {}) },
    });
    await later(5);
    stop.abort();
    await expect(forever).rejects.toSatisfy((error) => isGlofError(error, "aborted"));
  });

  it("stops at once when a write fails while batches are under way", async () => {
    let calls = 0;
    const failing = run({
      predict: {
        concurrency: 2,
        predict: (pixels) =>
          calls++ < 2 * tilesOfRow ? Promise.resolve(pixels.slice()) : new Promise<Float32Array>(() => {}),
      },
      write: async () => {
        await later(5);
        throw new Error("disk");
      },
    });
    await expect(failing).rejects.toThrow("disk");
  });

  it("tells a read under way to stop, and is over only when it has", async () => {
    let told = false;
    let over = false;
    let reads = 0;
    const failing = run({
      read: async (window, signal) => {
        if (reads++ === 0) return ones(window);
        await new Promise<void>((resolve) => signal!.addEventListener("abort", () => resolve()));
        told = true;
        await later(20);
        over = true;
        throw new Error("stopped");
      },
      predict: { concurrency: 1, predict: () => Promise.reject(new Error("model")) },
    });
    await expect(failing).rejects.toThrow("model");
    expect([told, over]).toEqual([true, true]);
  });

  it("is over only when the write under way is", async () => {
    let writing = false;
    let calls = 0;
    const failing = run({
      predict: {
        concurrency: 1,
        predict: (pixels) =>
          calls++ < 2 * tilesOfRow ? Promise.resolve(pixels.slice()) : Promise.reject(new Error("model")),
      },
      write: async () => {
        writing = true;
        await later(30);
        writing = false;
      },
    });
    await expect(failing).rejects.toThrow("model");
    expect(writing).toBe(false);
  });

  it("lets go of the caller's signal", async () => {
    const stop = new AbortController();
    const listeners = new Set<unknown>();
    const { addEventListener, removeEventListener } = stop.signal;
    stop.signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners.add(args[1]);
      addEventListener.apply(stop.signal, args);
    };
    stop.signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners.delete(args[1]);
      removeEventListener.apply(stop.signal, args);
    };
    await run({ signal: stop.signal });
    await expect(
      run({ signal: stop.signal, write: () => Promise.reject(new Error("disk")) }),
    ).rejects.toThrow("disk");
    expect(listeners.size).toBe(0);
  });
});

describe("progress", () => {
  it("only ever grows, ends at the total and counts what was skipped", async () => {
    const events: ProgressEvent[] = [];
    const { skippedTiles } = await run({
      batchSize: 2,
      read: async (window) => {
        const input = await ones(window);
        // The left half of the upper half holds nothing.
        for (let row = 0; row < window.height; row++) {
          if (window.y + row < 22) input.validMask.fill(0, row * 24, row * 24 + 14);
        }
        return input;
      },
      onProgress: (event) => events.push(event),
    });
    expect(skippedTiles).toBeGreaterThan(0);
    const done = events.map((event) => event.done);
    expect(done).toEqual([...new Set(done)].sort((a, b) => a - b));
    expect(events.every(({ total }) => total === countTiles(plan))).toBe(true);
    expect(events.at(-1)).toMatchObject({
      done: countTiles(plan),
      note: `${skippedTiles} without data skipped`,
    });
    expect(events.at(-1)).not.toHaveProperty("secondsLeft");
  });

  it("tells the time left by the tiles that were run, not by those that cost nothing", () => {
    let clockMs = 0;
    let last: ProgressEvent | undefined;
    const progress = new TileProgress(
      100,
      (event) => {
        last = event;
      },
      () => clockMs,
    );
    progress.addSkipped(40);
    expect(last).toMatchObject({ done: 40, total: 100 });
    expect(last).not.toHaveProperty("secondsLeft");
    // A first batch of nine seconds, compiling and all, is not the rate of the rest.
    clockMs = 9000;
    progress.addRun(2);
    expect(last).not.toHaveProperty("secondsLeft");
    clockMs += 1000;
    progress.addRun(2);
    expect(last).toMatchObject({ done: 44, secondsLeft: (56 * 1) / 2 });
    progress.addSkipped(26);
    expect(last).toMatchObject({ done: 70, secondsLeft: 15 });
    clockMs += 3000;
    progress.addRun(2);
    expect(last).toMatchObject({ done: 72, secondsLeft: (28 * 4) / 4 });
  });
});
