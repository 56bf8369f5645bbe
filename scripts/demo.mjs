// `npm run demo`: makes a scene, maps it, and says where to look. `npm run demo -- <scene> [options]` maps a scene of yours.
// `--check` (used by the tests) maps a smaller scene into a temporary folder and fails if no lake is found.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, install, root, run } from "./workspace.mjs";

const args = process.argv.slice(2);
const check = args[0] === "--check";
const own = !check && args[0] !== undefined && !args[0].startsWith("-") ? args[0] : undefined;
const glof = join("packages", "cli", "dist", "main.js");

install();
await build();

const folder = check ? mkdtempSync(join(tmpdir(), "glof-demo-")) : join(root, "demo-out");
const made = join(folder, "scene");
const scene = own ?? join(made, "scene.tif");
try {
  if (own === undefined) {
    await step([
      "synth",
      "--out",
      made,
      "--seed",
      "42",
      "--season",
      "summer",
      "--size",
      check ? "420" : "1024",
      "--overwrite",
    ]);
  }
  const map = join(folder, "map");
  await step(["map", scene, "--out", map, "--overwrite", ...(own === undefined ? [] : args.slice(1))]);
  if (check) {
    const { features } = JSON.parse(readFileSync(join(map, "lakes.geojson"), "utf8"));
    if (features.length === 0) fail("the demo scene has lakes, but none was found");
    console.log(`demo: ${features.length} lakes found`);
  } else {
    console.log(
      `\nLook at:\n  ${join(map, "preview.png")}\n  ${join(map, "report.html")}\n  ${join(map, "lakes.gpkg")} (QGIS)`,
    );
  }
} finally {
  if (check) rmSync(folder, { recursive: true, force: true });
}

async function step(glofArgs) {
  const code = await run("node", [glof, ...glofArgs]);
  if (code !== 0) fail(`glof ${glofArgs[0]} ended with code ${code}`);
}

function fail(why) {
  console.error(`demo: ${why}.`);
  process.exitCode = 1;
  throw new Error(why);
}
