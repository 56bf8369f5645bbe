import { readFile, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { EXIT } from "../exit_codes.js";
import { useFolder } from "../testing/made_up_files.js";
import { filesOf, writeMadeUpItem, writeMadeUpSafe, zipOf } from "../testing/made_up_safe.js";
import { runGlof } from "../testing/run_glof.js";

const { path } = useFolder();
const side = 120;

/** A round lake in bare ground, as digital numbers of baseline 05.09 (1000 more than reflectance). */
function lakeDn(band: string, pixel: number): number {
  const [row, col] = [Math.floor(pixel / side), pixel % side];
  const isLake = Math.hypot(row - 60, col - 60) < 20;
  const refl: Readonly<Record<string, readonly [lake: number, land: number]>> = {
    B02: [0.09, 0.13],
    B03: [0.08, 0.15],
    B04: [0.05, 0.18],
    B08: [0.02, 0.24],
  };
  const [lake, land] = refl[band] ?? [0.01, 0.26];
  return Math.round(1000 + 10_000 * (isLake ? lake : land) + ((pixel * 7919) % 97));
}

const sources: Record<string, string> = {};

beforeAll(async () => {
  const safe = await writeMadeUpSafe(path(), { side, dn: lakeDn, sceneClass: () => 5 });
  await writeFile(path("product.zip"), zipOf(await filesOf(safe)));
  await writeMadeUpItem(path("item.json"), basename(safe));
  sources["a SAFE folder"] = safe;
  sources["a zipped product"] = path("product.zip");
  sources["a STAC item"] = path("item.json");
});

it("the shipped model finds the same lake through every door", async () => {
  const found: string[] = [];
  for (const [door, source] of Object.entries(sources)) {
    const out = path(`lakes ${door}`);
    const run = await runGlof("map", source, "--out", out, "--jobs", "1", "--json");
    expect(run.stderr).toBe("");
    expect(run.code).toBe(EXIT.ok);
    const { lakes } = JSON.parse(run.stdout);
    expect(lakes).toHaveLength(1);
    // A circle of 20 pixels has 125 700 m2.
    expect(lakes[0].areaM2).toBeGreaterThan(100_000);
    expect(lakes[0].areaM2).toBeLessThan(150_000);
    const { geometry } = JSON.parse(await readFile(`${out}/lakes.geojson`, "utf8")).features[0];
    found.push(JSON.stringify(geometry));
  }
  expect(new Set(found).size).toBe(1);
});
