import { readdir, readFile, writeFile } from "node:fs/promises";
import { openRaster, WGS84, writeVectors } from "@glof/geo";
import { MAP_PRODUCTS } from "@glof/mapping";
import type { BackendChoice } from "@glof/runtime";
import { beforeAll, describe, expect, it } from "vitest";
import { EXIT } from "../exit_codes.js";
import { defaultBatch } from "../jobs/default_batch.js";
import { defaultJobs } from "../jobs/default_jobs.js";
import { useFolder, writeImage, writeTinyBundle } from "../testing/made_up_files.js";
import { type GlofRun, runGlof } from "../testing/run_glof.js";

const { path } = useFolder();
beforeAll(async () => {
  await writeTinyBundle(path("tiny.safetensors"));
  await writeImage(path("scene.tif"));
  for (const band of ["B02", "B03", "B04", "B08"]) {
    await writeImage(path("folder", `T45RVL_${band}_10m.tif`), { bandNames: [band] });
  }
  await writeImage(path("unnamed.tif"), { bandNames: ["", "", "", "", ""], width: 20, height: 20 });
});

let runs = 0;
let out = "";

/** Maps with the tiny model; everything above a probability of `threshold` is a lake. */
async function glofMap(scene: string, ...more: readonly string[]): Promise<GlofRun> {
  out = path(`out ${runs++}`);
  const model = ["--model", path("tiny.safetensors"), "--backend", "cpu", "--jobs", "1"];
  return runGlof("map", path(scene), "--out", out, ...model, ...more);
}

const readRun = async () => JSON.parse(await readFile(`${out}/run.json`, "utf8"));

/** The result that `--json` prints. */
async function mapped(...args: Parameters<typeof glofMap>) {
  const { code, stdout, stderr } = await glofMap(...args, "--json");
  expect(stderr).toBe("");
  expect(code).toBe(EXIT.ok);
  return JSON.parse(stdout) as { lakeCount: number; validPixels: number; lakes: Record<string, unknown>[] };
}

describe("glof map", () => {
  it("maps a stack, says what it does on stderr, and keeps stdout for results", async () => {
    const { code, stdout, stderr } = await glofMap("scene.tif", "--threshold", "0.0001");
    expect(code).toBe(EXIT.ok);
    expect(stdout).toBe("");
    expect(stderr).toMatch(
      /backend cpu: it was required\n(tiles: .*\n)+files: 7\/7 .*\n1 lake, 0\.\d+ km² in all, in \d+ s\n/,
    );
    expect(stderr).toContain(`results in ${out}: look at preview.png and report.html`);
    expect((await readdir(out)).sort()).toEqual([...MAP_PRODUCTS].sort());
  });

  it("maps a folder of bands to the same", async () => {
    const { lakes } = await mapped("scene.tif", "--threshold", "0.0001");
    expect(lakes[0]).toMatchObject({ pixelCount: 2000, touchesEdge: true });
    const folder = await mapped("folder", "--threshold", "0.0001");
    expect(folder.lakes[0]).toMatchObject({ pixelCount: 2000 });
    expect((await readRun()).scene.inputs).toHaveLength(4);
  });

  it("obeys threshold, least area, tiles and batches, and records them", async () => {
    expect(await mapped("scene.tif", "--threshold", "0.9999")).toMatchObject({ lakeCount: 0, lakes: [] });
    const huge = ["--min-area", "1e9", "--threshold", "0.0001"];
    expect(
      await mapped("scene.tif", ...huge, "--tile", "42", "--overlap", "3", "--batch", "2"),
    ).toMatchObject({
      lakeCount: 0,
    });
    expect((await readRun()).settings).toMatchObject({
      threshold: 0.0001,
      minAreaM2: 1e9,
      tilePx: 42,
      overlapPx: 3,
    });
    const mask = await openRaster(`${out}/mask.tif`);
    const [pixels] = await mask.readWindow({ x: 0, y: 0, width: 50, height: 40 });
    await mask.close();
    expect(pixels).toEqual(new Uint8Array(2000));
  });

  it("names bands by hand, scales and shifts their numbers", async () => {
    const by = ["--bands", "B04,B03,B02,-,B08", "--offset", "-100", "--quantification", "8000"];
    await mapped("unnamed.tif", ...by);
    expect((await readRun()).scene.radiometry.B08).toEqual({ quantification: 8000, offsetDn: -100 });
  });

  it("maps inside polygons only", async () => {
    const ring = [
      [86.8281, 27.9797],
      [86.83, 27.9797],
      [86.83, 27.978],
      [86.8281, 27.978],
      [86.8281, 27.9797],
    ];
    const polygon = { type: "Polygon", coordinates: [ring] };
    await writeFile(path("aoi.geojson"), JSON.stringify(polygon));
    const { validPixels, lakes } = await mapped(
      ...(["scene.tif", "--aoi", path("aoi.geojson"), "--threshold", "0.0001"] as const),
    );
    expect(validPixels).toBeGreaterThan(300);
    expect(validPixels).toBeLessThan(400);
    expect(lakes[0]!.pixelCount).toBe(validPixels);
    const geometry = [[ring.map(([lon, lat]) => [lon!, lat!] as const)]];
    const layer = { layer: "areas", crs: WGS84, features: [{ geometry, properties: {} }] };
    for (const name of ["aoi.gpkg", "aoi.fgb"]) {
      await writeVectors(path(name), layer);
      expect((await mapped("scene.tif", "--aoi", path(name))).validPixels).toBe(validPixels);
    }
  });

  it("takes settings from YAML, those of the command line on top, paths from the file's folder", async () => {
    const yaml = `scene: scene.tif\nout: from yaml\nmodel: tiny.safetensors\nbackend: cpu\njobs: 1\nthreshold: 0.9999\nminArea: 5\n`;
    await writeFile(path("map.yaml"), yaml);
    out = path("from yaml");
    expect((await runGlof("map", "--config", path("map.yaml"), "-q")).code).toBe(EXIT.ok);
    expect((await readRun()).settings).toMatchObject({ threshold: 0.9999, minAreaM2: 5 });
    const again = ["map", "--config", path("map.yaml"), "--overwrite", "--threshold", "0.25", "--quiet"];
    expect(await runGlof(...again)).toEqual({ code: EXIT.ok, stdout: "", stderr: "" });
    expect((await readRun()).settings).toMatchObject({ threshold: 0.25, minAreaM2: 5 });
  });

  it("prints its help", async () => {
    const { code, stdout } = await runGlof("map", "--help");
    expect(code).toBe(EXIT.ok);
    const flags = ["threshold", "min-area", "tile", "overlap", "batch", "backend", "bands", "offset", "aoi"];
    for (const flag of [...flags, "jobs", "overwrite", "config", "json", "quiet", "model", "out"]) {
      expect(stdout).toContain(`--${flag}`);
    }
  });
});

describe("a wrong command line", () => {
  it.each([
    [["mpa"], "unknown command 'mpa'\n(Did you mean map?)"],
    [["map", "x.tif", "--treshold", "1"], "unknown option '--treshold'\n(Did you mean --threshold?)"],
    [["map", "x.tif"], "glof map: expected a scene and --out <dir>, got no --out"],
    [["map", "--out", "x"], "got no scene"],
    [["map", "x.tif", "--out", "y", "--tile", "big"], "It must be a number"],
    [["map", "x.tif", "--out", "y", "--threshold", "7"], "--threshold: "],
    [["map", "x.tif", "--out", "y", "--min-area", "-1"], "--min-area: "],
    [
      ["map", "x.tif", "--out", "y", "--backend", "gpu"],
      '--backend: Invalid option: expected one of "webgpu"',
    ],
    [["synth", "--out", "x", "--mode", "sea"], "Allowed choices are mountain"],
    [["doctor", "--backend", "gpu"], "Allowed choices are webgpu"],
  ])("%j: exit code 2, and why", async (args, message) => {
    const { code, stdout, stderr } = await runGlof(...args);
    expect(stderr).toContain(message);
    expect(code).toBe(EXIT.usage);
    expect(stdout).toBe("");
  });

  it("does not start with tiles that the model cannot take", async () => {
    const { code, stderr } = await glofMap("scene.tif", "--tile", "30");
    expect(stderr).toContain("expected a tile size that is a multiple of the patch of 14 pixels, got 30");
    expect(code).toBe(EXIT.usage);
  });

  it("says what glof can do when nothing is asked", async () => {
    const { code, stderr } = await runGlof();
    expect(stderr).toContain("Usage: glof");
    expect(code).toBe(EXIT.usage);
    expect(await runGlof("--version")).toEqual({ code: 0, stdout: "0.0.0\n", stderr: "" });
  });
});

describe("defaultJobs", () => {
  it("is one on a device, else one for each processor, at most four and as the weights leave room for", () => {
    expect([defaultJobs("webgpu", 1e6, 16), defaultJobs("tensorflow", 1e6, 16)]).toEqual([1, 1]);
    const onProcessors = [1, 2, 3, 4, 8, 64].map((processors) => defaultJobs("wasm", 1e6, processors));
    expect(onProcessors).toEqual([1, 2, 3, 4, 4, 4]);
    expect([3e8, 6e8, 2e9].map((bytes) => defaultJobs("wasm", bytes, 16))).toEqual([3, 1, 1]);
  });
});

describe("defaultBatch", () => {
  const gpu = (maxStorageBufferBindingSize: number): BackendChoice => ({
    name: "webgpu",
    reason: "",
    details: { limits: { maxStorageBufferBindingSize }, passedOver: [] },
  });

  it("is a million pixels on a GPU whose buffers are as large, else what they hold; one on processors", () => {
    expect([14, 252, 518, 4088].map((tilePx) => defaultBatch(gpu(2 ** 31), tilePx))).toEqual([16, 16, 4, 1]);
    expect([252, 518].map((tilePx) => defaultBatch(gpu(2 ** 27), tilePx))).toEqual([2, 1]);
    expect(defaultBatch({ name: "wasm", reason: "", details: { passedOver: [] } }, 252)).toBe(1);
  });
});
