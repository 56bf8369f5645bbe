import { isGlofError, seededRng } from "@glof/core";
import { bufferSource } from "@glof/core/bytes";
import { describe, expect, it } from "vitest";
import { openRaster } from "../open_raster.js";
import { readMainHeader } from "./main_header.js";
import {
  assemble,
  changed,
  codestreamStart,
  join,
  readTestFile,
  takeApart,
  viewOf,
} from "./test_files/codestream_parts.js";
import { createTilePartIndex } from "./tile_parts.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** Opens and reads one pixel of each corner, or the whole of small rasters; the code of the error, if any. */
async function codeOf(bytes: Bytes): Promise<string> {
  try {
    const raster = await openRaster(bytes.slice().buffer);
    try {
      const { width, height } = raster.grid;
      const isSmall = width * height < 100_000;
      const windows = isSmall
        ? [{ x: 0, y: 0, width, height }]
        : [0, width - 1].map((x) => ({ x, y: height - 1, width: 1, height: 1 }));
      for (const window of windows) await raster.readWindow(window);
    } finally {
      await raster.close();
    }
    return "no error";
  } catch (error) {
    return isGlofError(error) ? error.code : `not a GlofError: ${error}`;
  }
}

const file = readTestFile("lrcp.jp2");
const start = codestreamStart(file);
const bare = assemble(takeApart("lrcp.jp2"));

describe("files cut off", () => {
  it("are found when opened, wherever the cut is", async () => {
    for (let length = 12; length < file.length; length += length < start + 200 ? 1 : 97) {
      const opened = await openRaster(file.slice(0, length).buffer).then(
        () => "opened",
        (error: unknown) => (isGlofError(error) ? error.code : String(error)),
      );
      expect(opened, `${length} bytes`).toBe("corrupt-file");
    }
  });

  it("are found in bare codestreams too, but for a missing end marker", async () => {
    for (let length = 4; length < bare.length - 2; length += length < 300 ? 1 : 53) {
      expect(await codeOf(bare.slice(0, length)), `${length} bytes`).toBe("corrupt-file");
    }
  });
});

describe("sizes that cannot be", () => {
  /** The bare codestream with numbers of its SIZ segment changed: 0 width, 1 height, 2, 3 offset, 4, 5 tile, 6, 7 origin. */
  const sized = (changes: Readonly<Record<number, number>>): Bytes =>
    Object.entries(changes).reduce(
      (bytes, [place, value]) => changed(bytes, 8 + 4 * Number(place), 4, value),
      bare,
    );

  it.each([
    ["2^32 pixels a side", { 0: 0xffffffff, 1: 0xffffffff }, ["limit-exceeded", "corrupt-file"]],
    [
      "2^32 pixels in one tile",
      { 0: 0xffffffff, 1: 0xffffffff, 4: 0xffffffff, 5: 0xffffffff },
      ["limit-exceeded"],
    ],
    ["100 000 pixels a side in one tile", { 0: 1e5, 1: 1e5, 4: 1e5, 5: 1e5 }, ["limit-exceeded"]],
    ["a billion tiles", { 0: 2 ** 25, 1: 2 ** 25, 4: 1, 5: 1 }, ["corrupt-file"]],
    ["no tile size", { 4: 0 }, ["corrupt-file"]],
    ["no width", { 0: 0 }, ["corrupt-file"]],
    ["an offset beyond the image", { 2: 500 }, ["corrupt-file"]],
    ["tiles that begin inside the image", { 6: 5 }, ["corrupt-file"]],
    ["a first tile outside the image", { 2: 60 }, ["corrupt-file"]],
    ["tiles of other sizes than the data", { 4: 90, 5: 70 }, ["corrupt-file"]],
  ])("%s", async (_, changes, codes) => {
    const before = Date.now();
    expect(codes).toContain(await codeOf(sized(changes)));
    expect(Date.now() - before).toBeLessThan(2_000);
  });

  it("does not believe component counts, depths and levels", async () => {
    const siz = 2 + 2 + 2 + 34;
    expect(await codeOf(changed(bare, siz, 2, 16_384))).toBe("corrupt-file");
    expect(await codeOf(changed(bare, siz, 2, 0))).toBe("corrupt-file");
    expect(await codeOf(changed(bare, siz + 2, 1, 37))).toBe("unsupported-feature");
    expect(await codeOf(changed(bare, siz + 3, 1, 2))).toBe("unsupported-feature");
    const cod = bare.findIndex((byte, at) => byte === 0xff && bare[at + 1] === 0x52);
    expect(await codeOf(changed(bare, cod + 9, 1, 200))).toBe("corrupt-file");
  });
});

describe("tile-parts that lie", () => {
  const { segments, tileParts } = takeApart("lrcp.jp2");
  const withPart = (index: number, part: Bytes): Bytes =>
    assemble({ segments, tileParts: tileParts.map((own, at) => (at === index ? part : own)) });

  it.each([
    ["a length into the next tile", 6, 4, tileParts[3]!.length + 100],
    ["a length beyond the file", 6, 4, 0x7fffffff],
    ["a length of one byte", 6, 4, 1],
    ["a tile number out of range", 4, 2, 9],
    ["another tile's number", 4, 2, 2],
  ] as const)("%s", async (_, at, bytes, value) => {
    expect(await codeOf(withPart(3, changed(tileParts[3]!, at, bytes, value)))).toBe("corrupt-file");
  });

  it("more parts than counted do not come into the hands of who reads the tile", async () => {
    const first = changed(tileParts[0]!, 11, 1, 1);
    const bytes = assemble({ segments, tileParts: [first, ...tileParts.slice(1), first] });
    const source = bufferSource("lying.j2k", bytes);
    const extent = { offset: 0, length: bytes.length };
    const index = createTilePartIndex(source, extent, await readMainHeader(source, extent, source.name));
    const { parts } = await index.partsOf(0);
    const before = parts.length;
    await index.walkAll();
    expect(parts.length).toBe(before);
    expect((await index.partsOf(0)).parts.length).toBe(before + 1);
  });

  it("more parts than counted, found while the tile is being read", async () => {
    const first = changed(tileParts[0]!, 11, 1, 1);
    for (let at = 2; at <= tileParts.length; at++) {
      const parts = [first, ...tileParts.slice(1, at), first, ...tileParts.slice(at)];
      expect(await codeOf(assemble({ segments, tileParts: parts }))).toMatch(/^(no error|corrupt-file)$/);
    }
  });

  it("endless empty ones", async () => {
    const empty = join(
      changed(changed(tileParts[0]!.slice(0, 12), 6, 4, 14), 11, 1, 0),
      Uint8Array.of(0xff, 0x93),
    );
    const many = Array.from({ length: 20_000 }, () => empty);
    expect(await codeOf(assemble({ segments, tileParts: many }))).toBe("corrupt-file");
  });
});

describe("boxes that lie", () => {
  const box = (type: string, content: Uint8Array, stated = content.length + 8): Bytes => {
    const header = new Uint8Array(8);
    viewOf(header).setUint32(0, stated);
    header.set(new TextEncoder().encode(type), 4);
    return join(header, content);
  };
  const withBox = (bytes: Bytes): Bytes => join(file.slice(0, 12), bytes, file.slice(12));

  it.each([2, 7, 0xffffffff])("a length of %s", async (stated) => {
    expect(await codeOf(withBox(box("free", new Uint8Array(8), stated)))).toBe("corrupt-file");
    expect(await codeOf(withBox(box("asoc", box("free", new Uint8Array(8), stated))))).toBe("corrupt-file");
  });

  it("a long length that overflows", async () => {
    const long = box("free", new Uint8Array(8).fill(0xff), 1);
    expect(await codeOf(withBox(long))).toBe("corrupt-file");
  });

  it("a first box without end, boxes deep in each other, thousands of boxes", async () => {
    expect(await codeOf(withBox(box("free", new Uint8Array(0), 0)))).toBe("corrupt-file");
    let deep = box("free", new Uint8Array(0));
    for (let depth = 0; depth < 5_000; depth++) deep = box("asoc", deep);
    expect(await codeOf(withBox(deep))).toBe("corrupt-file");
    const many = join(...Array.from({ length: 10_000 }, () => box("free", new Uint8Array(0))));
    expect(await codeOf(withBox(many))).toBe("limit-exceeded");
  });

  it("georeference that makes no sense costs only the georeference", async () => {
    const at = file.findIndex(
      (_, index) => new TextDecoder().decode(file.slice(index, index + 4)) === "uuid",
    );
    const broken = file.slice();
    broken.fill(0xff, at + 20, at + 300);
    // GMLJP2 stands in.
    const raster = await openRaster(broken.buffer);
    expect(raster.grid.geoTransform).toEqual([500000, 10, 0, 3000000, 0, -20]);
    await raster.close();
  });
});

describe("random damage", () => {
  it.each(["lrcp.jp2", "rgb_parts.jp2"])("to %s ends in pixels or in a GlofError, soon", async (name) => {
    const rng = seededRng(`damage ${name}`);
    const sound = readTestFile(name);
    const header = codestreamStart(sound) + 250;
    const seen = new Set<string>();
    for (let trial = 0; trial < 250; trial++) {
      const bytes = sound.slice();
      // Mostly headers, where the structure is.
      const reach = rng.int(4) === 0 ? bytes.length : header;
      const flips = 1 + rng.int(4);
      for (let flip = 0; flip < flips; flip++) bytes[12 + rng.int(reach - 12)] = rng.int(256);
      const before = Date.now();
      const code = await codeOf(bytes);
      seen.add(code);
      expect(code).toMatch(/^(no error|corrupt-file|unsupported-feature|unsupported-format|limit-exceeded)$/);
      expect(Date.now() - before, `trial ${trial}`).toBeLessThan(5_000);
    }
    expect(seen).toContain("corrupt-file");
    expect(seen).toContain("no error");
  });
});
