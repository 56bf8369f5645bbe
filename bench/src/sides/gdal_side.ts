import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "./serve.js";
import { numberOf, textOf } from "./tf_tools.js";

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
        return {
          run: async () => {
            const out = join(folder, `${count++}.gpkg`);
            // -mask: only the lakes, as ours does.
            const flags = ["-q", "-mask", mask, mask, "-f", "GPKG", out, "lakes", "value"];
            const child = spawn(script, flags, { stdio: ["ignore", "ignore", "inherit"] });
            const code = await new Promise((resolve) => child.on("close", resolve));
            if (code !== 0) throw new Error(`gdal_polygonize ended with ${code}`);
          },
          dispose: () => rmSync(folder, { recursive: true, force: true }),
        };
      },
    },
  };
});
