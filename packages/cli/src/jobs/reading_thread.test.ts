import { rm } from "node:fs/promises";
import { isGlofError } from "@glof/core";
import { openScene, readScaled, type Scene } from "@glof/sentinel2";
import { beforeAll, describe, expect, it } from "vitest";
import { useFolder, writeImage } from "../testing/made_up_files.js";
import { workerEntry } from "../worker_entry.js";
import { readInThread } from "./reading_thread.js";

const { path } = useFolder();
const bands = ["B02", "B08"] as const;
const scaling = [
  { mean: 0.1, std: 0.05 },
  { mean: 0.2, std: 0.1, clip: [0, 0.3] as const },
];

beforeAll(async () => {
  await writeImage(path("scene.tif"), {
    width: 300,
    height: 200,
    dn: (band, pixel) => (pixel * (band + 3)) % 5000,
  });
});

async function withThread(file: string, use: (scene: Scene, plain: Scene) => Promise<void>): Promise<void> {
  const options = { offsetDn: -1000 };
  const [scene, plain] = await Promise.all([
    openScene(path("scene.tif"), options),
    openScene(path("scene.tif"), options),
  ]);
  const close = readInThread(scene, { path: path(file), options }, workerEntry("reading_worker"));
  try {
    await use(scene, plain);
  } finally {
    await close();
    await Promise.all([scene.close(), plain.close()]);
  }
}

describe("readInThread", () => {
  it("gives what is read in this thread, however many ask, in windows large and small", async () => {
    await withThread("scene.tif", async (scene, plain) => {
      const windows = [
        { x: 0, y: 0, width: 300, height: 128 },
        { x: 17, y: 190, width: 5, height: 10 },
        { x: 1, y: 2, width: 299, height: 198 },
      ];
      const [here, there] = await Promise.all(
        [plain, scene].map((from) =>
          Promise.all(windows.map((window) => readScaled(from, window, bands, scaling))),
        ),
      );
      expect(there).toEqual(here);
      expect(here![0]!.pixels.some((value) => value !== 0)).toBe(true);
      expect(here![0]!.validMask).toContain(0);
    });
  });

  it("does not wait for the thread when it is cancelled", async () => {
    await withThread("scene.tif", async (scene) => {
      const stop = new AbortController();
      // The thread has not even started.
      const reading = readScaled(scene, { x: 0, y: 0, width: 9, height: 9 }, bands, scaling, stop);
      stop.abort();
      await expect(reading).rejects.toSatisfy((error) => isGlofError(error, "aborted"));
    });
  });

  it("passes on what goes wrong there, and goes on", async () => {
    await withThread("scene.tif", async (scene, plain) => {
      const window = { x: 0, y: 0, width: 9, height: 9 };
      const outside = readScaled(scene, { ...window, x: 999 }, bands, scaling);
      await expect(outside).rejects.toSatisfy((error) => isGlofError(error, "bad-argument"));
      const again = await readScaled(scene, window, bands, scaling);
      expect(again).toEqual(await readScaled(plain, window, bands, scaling));
    });
  });

  it("says what is wrong with a scene that does not open again", async () => {
    await rm(path("gone.tif"), { force: true });
    await withThread("gone.tif", async (scene) => {
      const reading = () => readScaled(scene, { x: 0, y: 0, width: 9, height: 9 }, bands, scaling);
      await expect(reading()).rejects.toSatisfy((error) => isGlofError(error, "not-found"));
      await expect(reading()).rejects.toSatisfy((error) => isGlofError(error, "not-found"));
    });
  });
});
