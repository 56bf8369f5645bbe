import { readFile } from "node:fs/promises";
import { openRaster } from "@glof/geo";
import { describeOnBackends, softwareVulkanEnvironment } from "@glof/test-kit";
import { beforeAll, describe, expect, it } from "vitest";
import { EXIT } from "../exit_codes.js";
import { defaultJobs } from "../jobs/default_jobs.js";
import { useFolder, writeImage, writeTinyBundle } from "../testing/made_up_files.js";
import { runGlof, startGlof } from "../testing/run_glof.js";

const { path } = useFolder();
const size = { width: 75, height: 61 };

beforeAll(async () => {
  await writeTinyBundle(path("tiny.safetensors"));
  await writeImage(path("scene.tif"), size);
  await writeImage(path("large.tif"), {
    width: 900,
    height: 800,
    dn: (band, pixel) => 500 + ((band * 31 + pixel) % 997),
  });
});

let runs = 0;
const mapArgs = (scene: string, ...more: readonly string[]) => {
  const out = path(`out ${runs++}`);
  return { out, args: ["map", path(scene), "--out", out, "--model", path("tiny.safetensors"), ...more] };
};

async function probabilityOf(
  ...more: readonly string[]
): Promise<{ prob: Float32Array; run: Record<string, unknown> }> {
  const { out, args } = mapArgs("scene.tif", "--threshold", "0.0001", ...more);
  const { code, stderr } = await runGlof(...args);
  expect(code, stderr).toBe(EXIT.ok);
  const raster = await openRaster(`${out}/probability.tif`);
  const [prob] = await raster.readWindow({ x: 0, y: 0, ...size });
  await raster.close();
  return { prob: Float32Array.from(prob!), run: JSON.parse(await readFile(`${out}/run.json`, "utf8")) };
}

/** Largest difference of probabilities. Rasters hold them in steps; a value on an edge may fall to either side. */
const worstOf = (prob: Float32Array, expected: Float32Array): number =>
  prob.reduce((most, value, index) => Math.max(most, Math.abs(value - expected[index]!)), 0);

describeOnBackends(
  "glof map on a GPU",
  () => {
    it("drives it from a thread and gives what a processor gives", async () => {
      const { prob: expected } = await probabilityOf("--backend", "cpu", "--jobs", "1");
      const { prob, run } = await probabilityOf("--backend", "webgpu", "--precision", "f32");
      expect(worstOf(prob, expected)).toBeLessThan(1.5e-3);
      const reason = expect.stringMatching(/; webgpu in a thread of its own$/);
      expect(run.backend).toEqual({ name: "webgpu", reason, jobs: 1 });
    });

    it("lets it finish what it has in work when interrupted", async () => {
      // The loader of a process that starts finds the driver by it.
      Object.assign(process.env, await softwareVulkanEnvironment());
      const stopped = startGlof(...mapArgs("large.tif", "--backend", "webgpu", "--batch", "4").args);
      await stopped.says("tiles");
      stopped.child.kill("SIGINT");
      const { code, stderr } = await stopped.end;
      expect(code, stderr).toBe(EXIT.interrupted);
    });
  },
  { backends: ["webgpu"] },
);

describe("glof map --engine ort", () => {
  it("gives what tfjs gives, with any count of jobs and threads, and says what ran", async () => {
    const { prob: expected } = await probabilityOf("--backend", "cpu", "--jobs", "1");
    for (const more of [[], ["--jobs", "2", "--threads", "1", "--batch", "2"]]) {
      const { prob, run } = await probabilityOf("--engine", "ort", ...more);
      expect(worstOf(prob, expected)).toBeLessThan(1e-4);
      const reason = expect.stringMatching(/^ONNX Runtime .* on the CPU, \d+ x \d+ threads$/);
      expect(run.backend).toEqual({ name: "ort", reason, jobs: more.length > 0 ? 2 : defaultJobs("cpu", 1) });
    }
  });

  it("refuses settings of the other engine", async () => {
    const cases = [
      [["--engine", "ort", "--backend", "wasm"], /expected no --backend with the engine ort, got wasm/],
      [["--engine", "ort", "--precision", "f16"], /expected no --precision with the engine ort, got f16/],
      [
        ["--backend", "cpu", "--precision", "f16"],
        /expected the backend webgpu with --precision f16, got cpu/,
      ],
      [["--precision", "f8"], /--precision/],
      [["--threads", "2"], /expected no --threads with the engine tfjs, got 2/],
      [["--engine", "fast"], /--engine/],
      [["--engine", "ort", "--threads", "0"], /--threads/],
    ] as const;
    for (const [more, message] of cases) {
      const { code, stderr } = await runGlof(...mapArgs("scene.tif", ...more).args);
      expect(stderr).toMatch(message);
      expect(code).toBe(EXIT.usage);
    }
  });

  it("ends its process by itself when interrupted", async () => {
    const stopped = startGlof(...mapArgs("large.tif", "--engine", "ort", "--threads", "1").args);
    await stopped.says("engine ort");
    stopped.child.kill("SIGINT");
    const { code, stderr } = await stopped.end;
    expect(code, stderr).toBe(EXIT.interrupted);
  });
});
