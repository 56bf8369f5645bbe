import { beginCog, crsFromEpsg } from "@glof/geo";

const stripRows = 512;

/** A hash of two whole numbers, uniform in [0, 1). */
function hash(x: number, y: number): number {
  let mixed = (Math.imul(x, 374_761_393) + Math.imul(y, 668_265_263)) | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 13), 1_274_126_177);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
}

/** Lakes with ragged shores: smooth noise with cells of 60 pixels and a little dither. */
function fillRow(y: number, out: Uint8Array): void {
  const cell = 60;
  const [row, down] = [Math.floor(y / cell), (y % cell) / cell];
  const corner = (col: number): number => hash(col, row) * (1 - down) + hash(col, row + 1) * down;
  for (let start = 0; start < out.length; start += cell) {
    const [left, right] = [corner(start / cell), corner(start / cell + 1)];
    for (let x = start; x < Math.min(start + cell, out.length); x++) {
      out[x] = left + ((right - left) * (x - start)) / cell + 0.05 * hash(x, y) > 0.8 ? 1 : 0;
    }
  }
}

/** Writes a mask with very many regions, most of them specks: tracing counts more than skipping empty rows. */
export async function writeSpeckMask(path: string, side: number): Promise<void> {
  const cog = await beginCog(path, {
    grid: {
      ...{ width: side, height: side, crs: crsFromEpsg(32645) },
      geoTransform: [300_000, 10, 0, 3_100_000, 0, -10],
    },
    ...{ dtype: "uint8", bandNames: ["lake"], overviews: "nearest" },
  });
  for (let y = 0; y < side; y += stripRows) {
    const rows = Math.min(stripRows, side - y);
    const strip = new Uint8Array(rows * side);
    for (let row = 0; row < rows; row++) fillRow(y + row, strip.subarray(row * side, (row + 1) * side));
    await cog.writeRows([strip], rows);
  }
  await cog.close();
}
