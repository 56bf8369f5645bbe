import { GlofError, isGlofError, throwIfAborted } from "@glof/core";
import { describe, expect, it } from "vitest";
import type { ByteSource } from "../byte_source.js";
import { openRaster } from "../open_raster.js";
import { openJp2 } from "./open_jp2.js";
import {
  assemble,
  changed,
  codestreamStart,
  join,
  readTestFile,
  takeApart,
  tlmSegment,
  viewOf,
} from "./test_files/codestream_parts.js";

const [width, height] = [90, 70];

type Bytes = Uint8Array<ArrayBuffer>;

async function pixelsOf(bytes: Bytes): Promise<number[][]> {
  const raster = await openRaster(bytes.slice().buffer);
  try {
    const { width: cols, height: rows } = raster.grid;
    const bands = await raster.readWindow({ x: 0, y: 0, width: cols, height: rows });
    return bands.map((band) => [...band]);
  } finally {
    await raster.close();
  }
}

const tileOf = (part: Bytes): number => viewOf(part).getUint16(4);
const expected = (name: string): Promise<number[][]> => pixelsOf(readTestFile(name));

/** Bytes in memory that count what is read of them. */
function countedSource(bytes: Bytes): ByteSource & { readonly reads: () => readonly number[] } {
  const reads: number[] = [];
  return {
    name: "counted",
    size: bytes.length,
    async read(offset, length, signal) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      throwIfAborted(signal, "counted");
      if (offset < 0 || offset + length > bytes.length) throw new GlofError("internal", "outside");
      reads.push(length);
      return bytes.slice(offset, offset + length);
    },
    close: async () => {},
    reads: () => reads,
  };
}

describe("tile-parts", () => {
  const parts = takeApart("rgb_parts.jp2");

  it("come in any order of tiles, each tile's own in order", async () => {
    // All first parts, then all second ones, and the tiles backwards.
    const byPart = [0, 1, 2].flatMap((part) =>
      parts.tileParts.filter((_, index) => index % 3 === part).reverse(),
    );
    expect(await pixelsOf(assemble({ ...parts, tileParts: byPart }))).toEqual(
      await expected("rgb_parts.jp2"),
    );
  });

  it("may leave out their count, the last length and the end marker", async () => {
    const uncounted = parts.tileParts.map((part) => changed(part, 11, 1, 0));
    const last = changed(uncounted.at(-1)!, 6, 4, 0);
    const tileParts = [...uncounted.slice(0, -1), last];
    const whole = await expected("rgb_parts.jp2");
    expect(await pixelsOf(assemble({ ...parts, tileParts }))).toEqual(whole);
    expect(await pixelsOf(assemble({ ...parts, tileParts }, []))).toEqual(whole);
    expect(await pixelsOf(assemble(parts, []))).toEqual(whole);
  });
});

describe("tables of tile lengths (TLM)", () => {
  const { segments, tileParts } = takeApart("lrcp.jp2");
  const entries = tileParts.map((part) => [tileOf(part), part.length] as const);
  /** In a JP2 file, whose codestream has a stated length. */
  const inJp2 = (codestream: Bytes): Bytes => {
    const file = readTestFile("lrcp.jp2");
    const start = codestreamStart(file);
    const header = changed(file.slice(0, start), start - 8, 4, codestream.length + 8);
    return join(header, codestream);
  };
  const withTables = (...tables: readonly Bytes[]): Bytes =>
    inJp2(assemble({ segments: [...segments.slice(0, 2), ...tables, ...segments.slice(2)], tileParts }));

  it("lead straight to a tile; without them only headers before it are read", async () => {
    const bytesFor = async (file: Bytes): Promise<number> => {
      const source = countedSource(file);
      const raster = await openJp2(source, {});
      const before = source.reads().length;
      await raster.readWindow({ x: 89, y: 69, width: 1, height: 1 });
      return source.reads().slice(before).length;
    };
    // One tile of nine: one read with the table.
    expect(await bytesFor(withTables(tlmSegment(entries)))).toBe(1);
    expect(await bytesFor(withTables())).toBeGreaterThan(1);
  });

  it("may be several, in any order", async () => {
    const tables = [tlmSegment(entries.slice(4), 1), tlmSegment(entries.slice(0, 4), 0)];
    expect(await pixelsOf(withTables(...tables))).toEqual(await expected("lrcp.jp2"));
  });

  it("are not believed when they are wrong", async () => {
    const whole = await expected("lrcp.jp2");
    const swapped = entries.map(([, length], index) => [(index + 1) % 9, length] as const);
    const longer = entries.map(([tile, length]) => [tile, length + 40_000] as const);
    const missing = entries.slice(1);
    const outside = entries.map(([tile, length]) => [tile + 500, length] as const);
    for (const wrong of [swapped, longer, missing, outside]) {
      expect(await pixelsOf(withTables(tlmSegment(wrong)))).toEqual(whole);
    }
  });
});

describe("places on the reference grid", () => {
  it("an image may begin at any tile", async () => {
    // The image without its first column and row of tiles (37 and 33 pixels): 2 x 2 of its 3 x 3 tiles.
    const { segments, tileParts } = takeApart("lrcp.jp2");
    const kept = tileParts.filter((part) => tileOf(part) % 3 > 0 && tileOf(part) > 2);
    const renumbered = kept.map((part, index) => changed(part, 4, 2, index));
    const size = [16, 37, 20, 33, 32, 37, 36, 33];
    let siz = segments[1]!;
    for (let at = 0; at < size.length; at += 2) siz = changed(siz, size[at]! - 2, 4, size[at + 1]!);
    const file = assemble({ segments: [segments[0]!, siz, ...segments.slice(2)], tileParts: renumbered });
    const [whole] = await expected("lrcp.jp2");
    const part = whole!.filter((_, index) => index % width >= 37 && Math.floor(index / width) >= 33);
    expect(await pixelsOf(file)).toEqual([part]);
  });

  it("offers the lower resolutions whose tiles begin on whole pixels", async () => {
    const aligned = await openRaster(readTestFile("layers.jp2").buffer);
    expect(aligned.overviews!.map(({ grid }) => [grid.width, grid.height])).toEqual([
      [45, 35],
      [23, 18],
    ]);
    expect(aligned.overviews![1]!.grid.geoTransform[1]).toBeCloseTo((10 * width) / 23, 12);
    expect(aligned.overviews![1]!.grid.geoTransform[5]).toBeCloseTo((-20 * height) / 18, 12);
    // Windows of an overview agree with the whole of it.
    const level = aligned.overviews![0]!;
    const [all] = await level.readWindow({ x: 0, y: 0, width: 45, height: 35 });
    const [some] = await level.readWindow({ x: 13, y: 14, width: 20, height: 9 });
    expect([...some!]).toEqual(
      [...all!].filter((_, at) => at % 45 >= 13 && at % 45 < 33 && at >= 14 * 45 && at < 23 * 45),
    );
    await aligned.close();
    const odd = await openRaster(readTestFile("lrcp.jp2").buffer);
    expect(odd.overviews).toEqual([]);
    await odd.close();
  });
});

describe("readers of the same tile", () => {
  it("go on when one of them gives up", async () => {
    const raster = await openJp2(countedSource(readTestFile("lrcp.jp2")), {});
    const stop = new AbortController();
    const window = { x: 0, y: 0, width: 60, height: 60 };
    const first = raster.readWindow(window, { signal: stop.signal }).catch((error: unknown) => error);
    const second = raster.readWindow(window);
    stop.abort();
    expect(isGlofError(await first, "aborted")).toBe(true);
    const [pixels] = await second;
    const [whole] = await expected("lrcp.jp2");
    expect([...pixels!]).toEqual(whole!.filter((_, at) => at % width < 60 && at < 60 * width));
    await raster.close();
  });
});

describe("a source that is cancelled", () => {
  it("ends the read, once", async () => {
    const source = countedSource(readTestFile("lrcp.jp2"));
    const stop = new AbortController();
    const read: ByteSource["read"] = (offset, length) => source.read(offset, length, stop.signal);
    const raster = await openJp2({ ...source, read }, {});
    stop.abort();
    const error = await raster
      .readWindow({ x: 0, y: 0, width: 60, height: 60 })
      .catch((thrown: unknown) => thrown);
    expect(isGlofError(error, "aborted")).toBe(true);
  });
});

describe("boxes", () => {
  it("may have long lengths, or none if last", async () => {
    const file = readTestFile("lrcp.jp2");
    const start = codestreamStart(file);
    const stream = file.slice(start);
    const long = new Uint8Array(16);
    viewOf(long).setUint32(0, 1);
    viewOf(long).setUint32(4, 0x6a703263);
    viewOf(long).setBigUint64(8, BigInt(stream.length + 16));
    const whole = await expected("lrcp.jp2");
    expect(await pixelsOf(join(file.slice(0, start - 8), long, stream))).toEqual(whole);
    const open = changed(file, start - 8, 4, 0);
    expect(await pixelsOf(open)).toEqual(whole);
    // Cut off, such a file says nothing of its length, but its tiles do.
    const error = await pixelsOf(open.slice(0, -600)).catch((thrown: unknown) => thrown);
    expect(isGlofError(error, "corrupt-file")).toBe(true);
  });
});
