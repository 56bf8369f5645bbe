import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LabelOutline, openRaster, polygonizeRaster, streamOutlines, writeGeoPackage } from "@glof/geo";
import type { PrepareWork } from "./serve.js";
import { textOf } from "./tf_tools.js";

/**
 * A mask file into outlines in a GeoPackage, as `glof polygonize` does it: strip by strip, then one outline at a time. With
 * `atOnce` all outlines are unpacked before the first is written.
 */
export const glofPolygonize: PrepareWork = (args) => {
  const folder = mkdtempSync(join(tmpdir(), "glof-bench-"));
  let [count, outlines, traceMs, writeMs] = [0, 0, 0, 0];
  const columns = { id: "INTEGER", value: "INTEGER" } as const;
  function* featuresOf(found: Iterable<LabelOutline>) {
    outlines = 0;
    for (const { parts, value } of found) yield { geometry: parts, properties: { id: ++outlines, value } };
  }
  return {
    async run() {
      const raster = await openRaster(textOf(args, "mask"));
      const started = performance.now();
      const found = args.atOnce === true ? await polygonizeRaster(raster) : await streamOutlines(raster);
      const traced = performance.now();
      const layer = { layer: "lakes", crs: raster.grid.crs!, columns };
      const features = args.atOnce === true ? [...featuresOf(found)] : featuresOf(found);
      await writeGeoPackage(join(folder, `${count++}.gpkg`), [{ ...layer, features }]);
      await raster.close();
      [traceMs, writeMs] = [traced - started, performance.now() - traced];
    },
    facts: () => ({ outlines, traceMs, writeMs }),
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };
};
