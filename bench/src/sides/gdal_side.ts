import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "./serve.js";
import { numberOf, textOf } from "./tf_tools.js";

/** Runs a command and tells its processor seconds and its peak memory in KiB (macOS: in bytes), as only its parent can. */
const withUsage = `
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)
sys.exit(code)`;

/** GDAL's own tools: `gdal_polygonize.py` on the mask as a GeoTIFF, into a GeoPackage. */
await serve(async () => {
  const version = spawnSync("gdalinfo", ["--version"], { encoding: "utf8" }).stdout?.trim();
  const script = ["gdal_polygonize.py", "gdal_polygonize"].find(
    (name) => spawnSync(name, ["--help"]).error === undefined,
  );
  if (!version || script === undefined) throw new Error("gdal_polygonize.py is not installed");
  return {
    facts: { version: version.split(",")[0]!, threads: 1 },
    tasks: {
      polygonize: (args) => {
        const folder = mkdtempSync(join(tmpdir(), "glof-gdal-"));
        const mask = textOf(args, "mask");
        numberOf(args, "size");
        let count = 0;
        let usage = { cpuMs: 0, peakBytes: 0 };
        return {
          run: async () => {
            const out = join(folder, `${count++}.gpkg`);
            // -mask: only the lakes, as ours does.
            const flags = ["-q", "-mask", mask, mask, "-f", "GPKG", out, "lakes", "value"];
            const command = ["-c", withUsage, script, ...flags];
            const child = spawn("python3", command, { stdio: ["ignore", "pipe", "inherit"] });
            let printed = "";
            child.stdout.on("data", (text) => (printed += text));
            const code = await new Promise((resolve) => child.on("close", resolve));
            if (code !== 0) throw new Error(`gdal_polygonize ended with ${code}`);
            const [seconds, peak] = printed.trim().split("\n").at(-1)!.split(" ").map(Number);
            const unit = process.platform === "darwin" ? 1 : 1024;
            usage = { cpuMs: 1e3 * seconds!, peakBytes: unit * peak! };
          },
          usage: () => usage,
          dispose: () => rmSync(folder, { recursive: true, force: true }),
        };
      },
    },
  };
});
