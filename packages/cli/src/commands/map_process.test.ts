import { readdir, readFile } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { EXIT } from "../exit_codes.js";
import { useFolder, writeImage, writeTinyBundle } from "../testing/made_up_files.js";
import { runGlof, startGlof } from "../testing/run_glof.js";

const { path } = useFolder();
beforeAll(async () => {
  await writeTinyBundle(path("tiny.safetensors"));
  await writeImage(path("scene.tif"), { width: 70, height: 50 });
  await writeImage(path("long.tif"), { width: 560, height: 5600 });
});

const options = () => ["--model", path("tiny.safetensors"), "--backend", "cpu", "--threshold", "0.5"];

describe("glof map in a process of its own", () => {
  it("gives the same files by two workers as by one", { timeout: 240_000 }, async () => {
    const one = await runGlof("map", path("scene.tif"), "--out", path("one"), ...options(), "--jobs", "1");
    expect(one.code).toBe(EXIT.ok);
    const { end } = startGlof("map", path("scene.tif"), "--out", path("two"), ...options(), "--jobs", "2");
    const two = await end;
    expect(two.stderr).toContain("results in");
    expect(two.code).toBe(EXIT.ok);
    for (const name of ["probability.tif", "mask.tif", "lakes.geojson", "preview.png"]) {
      expect(await readFile(path("two", name)), name).toEqual(await readFile(path("one", name)));
    }
    const run = JSON.parse(await readFile(path("two", "run.json"), "utf8"));
    expect(run.backend).toMatchObject({ name: "cpu", jobs: 2 });
  });

  it.each(["1", "2"])("leaves nothing after Ctrl-C, with %s jobs", { timeout: 240_000 }, async (jobs) => {
    const out = path("interrupted", jobs);
    const { child, says, end } = startGlof(
      ...["map", path("long.tif"), "--out", out, ...options(), "--jobs", jobs],
    );
    await says("tiles: ");
    expect((await readdir(out)).every((name) => name.startsWith(".glof-tmp-"))).toBe(true);
    child.kill("SIGINT");
    const { code, stdout, stderr } = await end;
    expect(stderr).toContain("glof: interrupted; no half-written file is left.");
    expect(code).toBe(EXIT.interrupted);
    expect(stdout).toBe("");
    await expect(readdir(out)).rejects.toThrow("ENOENT");
  });
});
