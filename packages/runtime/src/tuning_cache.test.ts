import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { linear, useWebgpuTuning, type WebgpuTuning } from "@glof/nn";
import { describeOnBackends } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { selectBackend } from "./select_backend.js";
import { tuneBackend } from "./tune_backend.js";
import { loadTuning, storeTuning } from "./tuning_cache.js";

describeOnBackends(
  "kept tuning",
  () => {
    let folder: string;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "glof-tuning-"));
      vi.stubEnv("XDG_CACHE_HOME", folder);
    });
    afterEach(async () => {
      vi.unstubAllEnvs();
      useWebgpuTuning(undefined);
      await rm(folder, { recursive: true });
    });

    const run = (size: number) => (): void =>
      tf.tidy(() => void linear(tf.zeros([size, 4]), tf.zeros([4, 8])));

    it("is written whole, read by selectBackend, and grows", async () => {
      expect((await loadTuning()).reason).toBe("nothing was measured yet");
      const first = await tuneBackend(run(5), { repeats: 1 });
      const place = join(folder, "glof", "webgpu-tuning.json");
      expect(first.place).toBe(place);
      expect(await readdir(join(folder, "glof"))).toEqual(["webgpu-tuning.json"]);
      await tuneBackend(run(6), { repeats: 1 });
      useWebgpuTuning(undefined);
      const { details } = await selectBackend({ require: "webgpu" });
      expect(details.tuning).toEqual({ choices: 2, reason: expect.stringMatching(/^measured on/), place });
      const other: WebgpuTuning = { ...first.tuning, adapter: "another" };
      await storeTuning(other);
      expect(Object.keys(JSON.parse(await readFile(place, "utf8")))).toHaveLength(2);
      expect(await loadTuning()).toMatchObject({ choices: 2 });
    });

    it.each([
      ["{", /cannot be read/],
      ["[]", /cannot be read/],
      ['{"a":{"version":0}}', /nothing was measured on this device/],
    ])("is left aside where it is spoilt: %s", async (text, reason) => {
      const { tuning, place } = await tuneBackend(run(5), { repeats: 1 });
      await writeFile(place!, text);
      const { name, details } = await selectBackend({ require: "webgpu" });
      expect(name).toBe("webgpu");
      expect(details.tuning).toMatchObject({ choices: 0, reason: expect.stringMatching(reason) });
      await storeTuning(tuning);
      expect(await loadTuning()).toMatchObject({ choices: 1 });
    });

    it("has what was measured when it was cancelled", async () => {
      const stop = new AbortController();
      const both = (): void => {
        run(5)();
        run(6)();
      };
      const tuned = tuneBackend(both, { repeats: 1, signal: stop.signal, onProgress: () => stop.abort() });
      await expect(tuned).rejects.toMatchObject({ code: "aborted" });
      useWebgpuTuning(undefined);
      expect(await loadTuning()).toMatchObject({ choices: 1 });
    });

    it("lasts as long as the process where nothing can be written", async () => {
      vi.stubEnv("XDG_CACHE_HOME", join(folder, "file"));
      await writeFile(join(folder, "file"), "");
      const { place, reason, tuning } = await tuneBackend(run(5), { repeats: 1 });
      expect(place).toBeUndefined();
      expect(reason).toMatch(/ENOTDIR/);
      expect(Object.keys(tuning.choices)).toHaveLength(1);
      expect((await loadTuning()).reason).toMatch(/cannot be read/);
    });
  },
  { backends: ["webgpu"] },
);
