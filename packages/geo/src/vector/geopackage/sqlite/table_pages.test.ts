import initSqlJs from "sql.js";
import { describe, expect, it } from "vitest";
import { createByteBuilder } from "./byte_builder.js";
import { createPageFile, pageBytes } from "./page_file.js";
import { createRecordWriter, type RecordValue } from "./record.js";
import { createTablePages } from "./table_pages.js";

type Row = readonly [number, RecordValue];

/** A database with one table `t(id INTEGER PRIMARY KEY, v)` whose pages we made, as SQLite reads it. */
async function readBack(rows: readonly Row[]): Promise<{ check: string; rows: unknown[][]; pages: number }> {
  const sql = await initSqlJs();
  const frame = new sql.Database();
  frame.run("CREATE TABLE t(id INTEGER PRIMARY KEY, v)");
  const head = frame.export();
  frame.close();
  const parts: Uint8Array[] = [];
  const pages = createPageFile(head.length / pageBytes, async (bytes, position) => {
    expect(position).toBe(head.length + parts.reduce((sum, part) => sum + part.length, 0));
    parts.push(bytes.slice());
  });
  const table = createTablePages(pages);
  const record = createByteBuilder();
  for (const [id, value] of rows) {
    record.clear();
    createRecordWriter().write(record, [null, value]);
    table.add(id, record.content());
    if (pages.isFull()) await pages.drain();
  }
  const root = table.finish();
  await pages.drain();
  head.set(root, pageBytes);
  new DataView(head.buffer, head.byteOffset).setUint32(28, pages.pageCount());
  const database = new sql.Database(new Uint8Array(Buffer.concat([head, ...parts])));
  try {
    const all = (query: string): unknown[][] => database.exec(query)[0]?.values ?? [];
    return {
      check: String(all("PRAGMA integrity_check")[0]?.[0]),
      rows: all("SELECT id, v FROM t ORDER BY id"),
      pages: pages.pageCount(),
    };
  } finally {
    database.close();
  }
}

const filled = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => (index * 31) % 251);

describe("createTablePages", () => {
  it("stores every kind of value as SQLite reads it", async () => {
    const sides = [7, 15, 23, 31, 47, 52].flatMap((bits) => [
      2 ** bits - 1,
      2 ** bits,
      -(2 ** bits),
      -(2 ** bits) - 1,
    ]);
    const values: RecordValue[] = [
      ...[null, 0, 1, -1, 2, 0.5, -1e-300, 1e300, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
      ...sides,
      ...["", "Jökulsárlón", "湖".repeat(60), "x".repeat(57), "x".repeat(58)],
      filled(0),
      filled(200),
    ];
    const rows = values.map((value, index): Row => [index + 1, value]);
    const read = await readBack(rows);
    expect(read.check).toBe("ok");
    expect(read.rows).toEqual(rows);
  });

  it.each([
    0, 1, 4055, 4056, 4057, 4058, 4059, 4060, 4061, 4062, 4063, 4064, 4070, 4500, 4580, 4581, 8150, 8151,
    8153, 100_000,
  ])("keeps blobs of %i bytes, in overflow pages where they are long", async (length) => {
    const rows: Row[] = [
      [1, filled(length)],
      [2, "between"],
      [300, filled(length)],
    ];
    const read = await readBack(rows);
    expect(read.check).toBe("ok");
    expect(read.rows).toEqual(rows);
  });

  it.each([[0], [1], [400], [3000]])("makes a tree of %i rows that fill half a page", async (count) => {
    const rows = Array.from(
      { length: count },
      (_, index): Row => [3 * index + 1, filled(1900 + (index % 300))],
    );
    const read = await readBack(rows);
    expect(read.check).toBe("ok");
    expect(read.rows.map(([id]) => id)).toEqual(rows.map(([id]) => id));
    expect(read.rows.at(-1)).toEqual(rows.at(-1));
    // Two rows per page, so the tree of 3000 has two levels above its leaves.
    if (count === 3000) expect(read.pages).toBeGreaterThan(1500);
  });
});

describe("createPageFile", () => {
  it("leaves the page at 2^30 bytes empty", async () => {
    const before = 2 ** 30 / pageBytes - 1;
    const written: { bytes: Uint8Array; position: number }[] = [];
    const pages = createPageFile(before, async (bytes, position) => {
      written.push({ bytes: bytes.slice(), position });
    });
    const page = new Uint8Array(pageBytes).fill(7);
    expect([pages.add(page), pages.add(page)]).toEqual([before + 1, before + 3]);
    await pages.drain();
    expect(pages.pageCount()).toBe(before + 3);
    expect(written[0]!.position).toBe(before * pageBytes);
    expect([0, 1, 2].map((index) => written[0]!.bytes[index * pageBytes])).toEqual([7, 0, 7]);
  });

  it("grows when nobody drains it", () => {
    const pages = createPageFile(1, async () => {});
    for (let page = 0; page < 2500; page++) pages.add(new Uint8Array(pageBytes));
    expect(pages.pageCount()).toBe(2501);
    expect(pages.isFull()).toBe(true);
  });
});
