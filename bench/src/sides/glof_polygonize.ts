import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beginPolygonize, openRaster, writeGeoPackage } from "@glof/geo";
import type { PrepareWork } from "./serve.js";
import { textOf } from "./tf_tools.js";

const ROWS_AT_ONCE = 512;

/** A mask file into outlines in a GeoPackage, strip by strip, as `glof map` does it. */
export const glofPolygonize: PrepareWork = (args) => {
  const folder = mkdtempSync(join(tmpdir(), "glof-bench-"));
  let [count, outlines, readMs, traceMs, writeMs] = [0, 0, 0, 0, 0];
  return {
    async run() {
      const raster = await openRaster(textOf(args, "mask"));
      const { grid } = raster;
      const polygonizer = beginPolygonize({ grid });
      [readMs, traceMs] = [0, 0];
      for (let y = 0; y < grid.height; y += ROWS_AT_ONCE) {
        const height = Math.min(ROWS_AT_ONCE, grid.height - y);
        const started = performance.now();
        const [rows] = await raster.readWindow({ x: 0, y, width: grid.width, height });
        const between = performance.now();
        polygonizer.addRows(rows as Uint8Array, undefined, undefined, height);
        readMs += between - started;
        traceMs += performance.now() - between;
      }
      const found = polygonizer.finish();
      await raster.close();
      const started = performance.now();
      const features = found.map(({ id, polygon }) => ({
        geometry: [polygon],
        properties: { id, value: 1 },
      }));
      await writeGeoPackage(join(folder, `${count++}.gpkg`), [{ layer: "lakes", crs: grid.crs!, features }]);
      writeMs = performance.now() - started;
      outlines = found.length;
    },
    facts: () => ({ outlines, readMs, traceMs, writeMs }),
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };
};
