// Maps a whole Sentinel-2 tile and prints how long it took and how much memory: `npx tsx scripts/bench_large_scene.ts`
// [--size 10980] [--model bundle] [--folder dir] [-- options for glof map]. Linux: the peak is read from /proc.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeLargeScene } from "@glof/synthetic";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    size: { type: "string", default: "10980" },
    model: { type: "string" },
    folder: { type: "string" },
  },
});
const size = Number(values.size);
const folder = values.folder ?? join(tmpdir(), `glof-large-${size}`);
await mkdir(folder, { recursive: true });

const scene = join(folder, "scene.tif");
if (!existsSync(scene)) {
  const started = performance.now();
  await writeLargeScene(scene, { width: size, height: size, seed: 11 });
  console.log(`made the scene: ${seconds(started)} s, ${((await stat(scene)).size / 1e6).toFixed(0)} MB`);
}

const started = performance.now();
const model = values.model === undefined ? [] : ["--model", values.model];
const args = ["map", scene, "--out", join(folder, "map"), "--overwrite", ...model, ...positionals];
const child = spawn(process.execPath, ["packages/cli/dist/main.js", ...args], {
  stdio: ["ignore", "inherit", "inherit"],
});
let peakKb = 0;
const watch = setInterval(() => {
  peakKb = Math.max(peakKb, peakOf(child.pid));
}, 250);
const code = await new Promise<number>((resolve) => child.on("close", (status) => resolve(status ?? 1)));
clearInterval(watch);
console.log(
  `glof map of ${size} x ${size} x 4: ${seconds(started)} s, peak RSS ${(peakKb / 1e6).toFixed(2)} GB, exit code ${code}`,
);
process.exitCode = code;

/** Peak resident memory of a process in kB, as Linux counts it. */
function peakOf(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1);
}
