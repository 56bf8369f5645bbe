import { expect, it } from "vitest";
import { openRaster } from "../open_raster.js";

const decoderUrl = new URL(
  "../../../node_modules/@cornerstonejs/codec-openjpeg/dist/openjpegwasm_decode.wasm",
  import.meta.url,
);

it("reads JPEG 2000 in a page", async () => {
  const response = await fetch(new URL("./test_files/lrcp.jp2", import.meta.url));
  const raster = await openRaster(await response.blob(), { locateFile: () => decoderUrl.href });
  const [pixels] = await raster.readWindow({ x: 30, y: 30, width: 20, height: 20 });
  // The formula of test_files/make_test_files.py, across the corner of four tiles.
  const expected = Array.from({ length: 400 }, (_, index) => {
    const [x, y] = [30 + (index % 20), 30 + Math.floor(index / 20)];
    return 20 * (Math.floor((x * x + 3 * y * y + 7 * x * y) / 8) % 151);
  });
  expect([...pixels!]).toEqual(expected);
  expect(raster.grid.crs?.epsg).toBe(32645);
  await raster.close();
});
