import { readFileSync } from "node:fs";
import { deflateSync } from "node:zlib";
import { isGlofError } from "@glof/core";
import { hasShared, sharedPath } from "@glof/test-kit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openRaster } from "./open_raster.js";

type Tag = readonly [tag: number, type: 3 | 4, count: number, value: number];

/** A little-endian TIFF of one directory at 8 whose values all stand in the tags, followed by `tail`. */
function tiff(tags: readonly Tag[], { next = 0, tail = new Uint8Array(1000) } = {}): ArrayBuffer {
  const end = 8 + 2 + 12 * tags.length + 4;
  const view = new DataView(new ArrayBuffer(end + tail.length));
  view.setUint32(0, 0x002a4949, true);
  view.setUint32(4, 8, true);
  view.setUint16(8, tags.length, true);
  tags.forEach(([tag, type, count, value], index) => {
    const at = 10 + 12 * index;
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, type, true);
    view.setUint32(at + 4, count, true);
    view.setUint32(at + 8, value, true);
  });
  view.setUint32(end - 4, next, true);
  new Uint8Array(view.buffer).set(tail, end);
  return view.buffer;
}

/** Where `tail` begins in a file of that many tags. */
const tailAt = (tags: number): number => 8 + 2 + 12 * tags + 4;

const picture = (changes: Readonly<Record<number, readonly [count: number, value: number]>> = {}): Tag[] => {
  const plain: Record<number, readonly [number, number]> = {
    ...{ 256: [1, 16], 257: [1, 16], 258: [1, 8], 259: [1, 1], 262: [1, 1] },
    ...{ 273: [1, tailAt(9)], 277: [1, 1], 278: [1, 16], 279: [1, 256] },
    ...changes,
  };
  return Object.entries(plain).map(([tag, [count, value]]) => [Number(tag), 4, count, value]);
};

/** Opens, reads one pixel or all of a small raster, and says how that ended. */
async function outcome(source: ArrayBuffer): Promise<string> {
  try {
    const raster = await openRaster(source);
    const { width, height } = raster.grid;
    const isSmall = width * height * raster.bands.length < 2 ** 20;
    const window = isSmall
      ? { x: 0, y: 0, width, height }
      : { x: width - 1, y: height - 1, width: 1, height: 1 };
    await raster.readWindow(window);
    for (const level of [...(raster.overviews ?? []), ...(raster.mask === undefined ? [] : [raster.mask])]) {
      await level.readWindow({ x: 0, y: 0, width: 1, height: 1 });
    }
    await raster.close();
    return "read";
  } catch (error) {
    return isGlofError(error) ? error.code : `not a GlofError: ${error}`;
  }
}

describe("hostile TIFFs", () => {
  it("reads the honest one", async () => {
    expect(await outcome(tiff(picture()))).toBe("read");
  });

  it.each([
    [
      "100 000 x 100 000 pixels in a kilobyte",
      { 256: [1, 1e5], 257: [1, 1e5], 278: [1, 1e5], 279: [1, 900] },
    ],
    ["more strips than it lists", { 256: [1, 1e5], 257: [1, 1e5], 278: [1, 1] }],
    ["a list of 2^32 - 1 offsets", { 273: [2 ** 32 - 1, 8] }],
    ["a list behind the end", { 273: [400, 2 ** 31] }],
    ["a block behind the end", { 273: [1, 2 ** 32 - 10] }],
    ["a block that wraps round 2^32", { 273: [1, 2 ** 32 - 1], 279: [1, 2 ** 32 - 1] }],
    ["2^31 bands", { 277: [1, 2 ** 31] }],
    ["no pixels", { 256: [1, 0] }],
    ["strips of no rows", { 278: [1, 0] }],
    ["tiles of 2^31 pixels", { 322: [1, 2 ** 31], 323: [1, 2 ** 31], 324: [1, 200], 325: [1, 100] }],
    ["pixels of 2^20 bits", { 258: [1, 2 ** 20] }],
  ] as [string, Record<number, [number, number]>][])("refuses %s at once", async (_, changes) => {
    const started = performance.now();
    expect(await outcome(tiff(picture(changes)))).toMatch(
      /^(corrupt-file|limit-exceeded|unsupported-feature)$/,
    );
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it("leaves a chain of directories that is a loop", async () => {
    expect(await outcome(tiff(picture(), { next: 8 }))).toBe("read");
    const overview = tiff([[254, 4, 1, 1], ...picture({ 273: [1, tailAt(10)] })], { next: 8 });
    expect(await outcome(overview)).toBe("read");
    expect(await outcome(tiff(picture(), { next: 2 ** 32 - 1 }))).toBe("read");
  });

  it("stops decompression at the size of the block", async () => {
    const bomb = deflateSync(new Uint8Array(64 * 2 ** 20));
    const changes = { 259: [1, 8], 279: [1, bomb.length] } as const;
    expect(await outcome(tiff(picture(changes), { tail: bomb }))).toBe("corrupt-file");
    // A ZSTD frame that declares 4 GiB, a LERC blob of 2^30 pixels, a progressive JPEG picture of 65535 x 65535.
    const zstd = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0xff, 0xff, 0xff, 0xff, ...new Uint8Array(40));
    const zstdTags = picture({ 259: [1, 50_000], 279: [1, zstd.length] });
    expect(await outcome(tiff(zstdTags, { tail: zstd }))).toBe("corrupt-file");
    const lerc = new Uint8Array(100);
    lerc.set(new TextEncoder().encode("Lerc2 "));
    new DataView(lerc.buffer).setInt32(6, 2, true);
    new DataView(lerc.buffer).setInt32(10, 32_768, true);
    new DataView(lerc.buffer).setInt32(14, 32_768, true);
    const lercTags = picture({ 259: [1, 34_887], 279: [1, lerc.length] });
    expect(await outcome(tiff(lercTags, { tail: lerc }))).toBe("corrupt-file");
    const jpeg = Uint8Array.of(
      ...[0xff, 0xd8, 0xff, 0xc2, 0, 11, 8, 0xff, 0xff, 0xff, 0xff, 1, 1, 0x11, 0],
      ...[0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 1, 2, 3],
    );
    const jpegTags = picture({ 259: [1, 7], 279: [1, jpeg.length] });
    expect(await outcome(tiff(jpegTags, { tail: jpeg }))).toBe("corrupt-file");
  });
});

const seeds = [
  "image-tiff-seq/seq-1c-8b-lzw-hpredict-20f3db0c.tiff",
  "image-tiff-seq/random-fp16-pred3.tiff",
  "image-tiff-seq/seq-3c-10b-planar-c82e8ab6.tiff",
  "image-tiff-seq/seq-1c-8b-packbits-20f3db0c.tiff",
  "image-tiff-seq/seq-3c-16b-bigtiff-1b40ca6e.tiff",
  "cogeotiff-js/big.endian.tiff",
  "cogeotiff-js/rgba8_cog.tiff",
  "rasterio/rotated.tif",
];

describe.skipIf(!hasShared("data/geotiff_zoo"))("mutated files", () => {
  it("end in pixels or in an error by name", async () => {
    const files = seeds.map((file) => new Uint8Array(readFileSync(sharedPath(`data/geotiff_zoo/${file}`))));
    const change = fc.tuple(fc.nat(), fc.nat({ max: 255 }));
    const mutation = fc.record({
      file: fc.nat({ max: files.length - 1 }),
      changes: fc.array(change, { minLength: 1, maxLength: 6 }),
      keep: fc.option(fc.nat({ max: 4096 })),
    });
    await fc.assert(
      fc.asyncProperty(mutation, async ({ file, changes, keep }) => {
        const bytes = files[file]!.slice(0, keep ?? undefined);
        for (const [at, value] of changes) bytes[at % Math.min(bytes.length, 700)] = value;
        expect(await outcome(bytes.buffer)).toMatch(
          /^(read|corrupt-file|unsupported-format|unsupported-feature|limit-exceeded|bad-argument)$/,
        );
      }),
      { numRuns: 600, seed: 4 },
    );
  }, 60_000);
});
