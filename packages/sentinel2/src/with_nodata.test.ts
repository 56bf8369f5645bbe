import type { RasterSource } from "@glof/geo";
import { expect, it } from "vitest";
import { withNodata } from "./with_nodata.js";

it("keeps what a raster says of its bands and overviews", () => {
  const level: RasterSource = {
    name: "classes.jp2",
    grid: { width: 2, height: 2, geoTransform: [0, 1, 0, 2, 0, -1], crs: undefined },
    bands: [{ name: undefined, dtype: "uint8", nodata: undefined, scale: 1, offset: 0 }],
    blockSize: [2, 2],
    readWindow: async () => [new Uint8Array(4)],
    close: async () => {},
  };
  const wrapped = withNodata({ ...level, overviews: [level], overviewKind: "averaged" }, 0);
  expect([wrapped.overviewKind, wrapped.bands[0]!.nodata, wrapped.overviews![0]!.bands[0]!.nodata]).toEqual([
    "averaged",
    0,
    0,
  ]);
  expect(withNodata({ ...level, bands: [{ ...level.bands[0]!, nodata: 7 }] }, 0).bands[0]!.nodata).toBe(7);
});
