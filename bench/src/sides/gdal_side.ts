import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "./serve.js";
import { numberOf, textOf } from "./tf_tools.js";

/**
 * `gdal.Polygonize` of a mask file into a GeoPackage, in one transaction: `gdal_polygonize.py` leaves each polygon one of its own, which
 * takes three times as long for 20,000 of them and eight times for 260,000. It prints its processor seconds and its peak memory in KiB
 * (macOS: in bytes).
 */
const polygonize = `
import resource, sys
from osgeo import gdal, ogr
gdal.UseExceptions()
raster = gdal.Open(sys.argv[1])
band = raster.GetRasterBand(1)
file = ogr.GetDriverByName("GPKG").CreateDataSource(sys.argv[2])
layer = file.CreateLayer("lakes", raster.GetSpatialRef(), ogr.wkbPolygon)
layer.CreateField(ogr.FieldDefn("value", ogr.OFTInteger))
file.StartTransaction()
gdal.Polygonize(band, band, layer, 0, [])
file.CommitTransaction()
layer = file = None
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)`;

await serve(async () => {
  const python = [process.env.GLOF_PYTHON, "python3", "/usr/bin/python3"].find(
    (name) => name !== undefined && spawnSync(name, ["-c", "from osgeo import gdal, ogr"]).status === 0,
  );
  if (python === undefined) throw new Error("GDAL's Python (python3-gdal) is not installed");
  const asked = ["-c", "from osgeo import gdal; print(gdal.__version__)"];
  const version = spawnSync(python, asked, { encoding: "utf8" }).stdout.trim();
  return {
    facts: { version: `GDAL ${version}`, threads: 1 },
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
            // The mask is its own mask: only the lakes, as ours does.
            const child = spawn(python, ["-c", polygonize, mask, out], {
              stdio: ["ignore", "pipe", "inherit"],
            });
            let printed = "";
            child.stdout.on("data", (text) => (printed += text));
            const code = await new Promise((resolve) => child.on("close", resolve));
            if (code !== 0) throw new Error(`gdal.Polygonize ended with ${code}`);
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
