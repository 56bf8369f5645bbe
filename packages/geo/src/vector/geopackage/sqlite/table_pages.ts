import { createByteBuilder } from "./byte_builder.js";
import { type PageFile, pageBytes } from "./page_file.js";

/** Rows of one table, put into the leaves of its b-tree as they come. */
export interface TablePages {
  /** The next row; ids rise. */
  add(rowid: number, record: Uint8Array): void;
  /** Ends the tree and gives its root page, which belongs where the schema says. */
  finish(): Uint8Array;
}

/** A page of the level below and the largest row id in it. */
interface Child {
  readonly page: number;
  readonly key: number;
}

const [leafHeader, interiorHeader] = [8, 12];
const [leafKind, interiorKind] = [13, 5];
/** Payload that stays in a leaf; of longer ones at least `leastLocal` (sqlite.org/fileformat2.html, 1.6). */
const mostLocal = pageBytes - 35;
const leastLocal = Math.floor(((pageBytes - 12) * 32) / 255) - 23;
const overflowBytes = pageBytes - 4;
/** Children of an interior page with ids of any length below 2^53. */
const mostChildren = Math.floor((pageBytes - interiorHeader) / (2 + 4 + 8)) + 1;

/**
 * Builds a table b-tree from the left, every page full, without SQLite: much quicker than inserting row by row, and the
 * pages leave memory as they are filled.
 */
export function createTablePages(pages: PageFile): TablePages {
  const leaves: Child[] = [];
  const leaf = createPage(leafKind, leafHeader);
  const cell = createByteBuilder();
  let lastRowid = 0;
  const endLeaf = (): void => {
    leaves.push({ page: pages.add(leaf.image()), key: lastRowid });
    leaf.clear();
  };
  return {
    add(rowid, record) {
      const local = localBytes(record.length);
      cell.clear();
      cell.varint(record.length);
      cell.varint(rowid);
      cell.append(record.subarray(0, local));
      if (local < record.length) cell.integer(addOverflow(pages, record.subarray(local)), 4);
      if (!leaf.fits(cell.content().length)) endLeaf();
      leaf.add(cell.content());
      lastRowid = rowid;
    },
    finish() {
      if (leaves.length === 0) return leaf.image();
      endLeaf();
      let level: readonly Child[] = leaves;
      while (level.length > mostChildren) {
        level = evenGroups(level).map((group) => ({
          page: pages.add(interiorPage(group)),
          key: group.at(-1)!.key,
        }));
      }
      return interiorPage(level);
    },
  };
}

function localBytes(length: number): number {
  if (length <= mostLocal) return length;
  const rest = leastLocal + ((length - leastLocal) % overflowBytes);
  return rest <= mostLocal ? rest : leastLocal;
}

/** Puts the rest of a payload into a chain of pages and gives the first. The last comes first: each names its follower. */
function addOverflow(pages: PageFile, rest: Uint8Array): number {
  const page = new Uint8Array(pageBytes);
  const view = new DataView(page.buffer);
  let next = 0;
  for (let part = Math.ceil(rest.length / overflowBytes) - 1; part >= 0; part--) {
    view.setUint32(0, next);
    page.fill(0, 4);
    page.set(rest.subarray(part * overflowBytes, (part + 1) * overflowBytes), 4);
    next = pages.add(page);
  }
  return next;
}

/** Parts of nearly equal length, so that no page has one child only. */
function evenGroups(children: readonly Child[]): Child[][] {
  const count = Math.ceil(children.length / mostChildren);
  const at = (group: number): number => Math.floor((group * children.length) / count);
  return Array.from({ length: count }, (_, group) => children.slice(at(group), at(group + 1)));
}

function interiorPage(children: readonly Child[]): Uint8Array {
  const page = createPage(interiorKind, interiorHeader);
  const cell = createByteBuilder();
  for (const { page: number, key } of children.slice(0, -1)) {
    cell.clear();
    cell.integer(number, 4);
    cell.varint(key);
    page.add(cell.content());
  }
  const image = page.image();
  new DataView(image.buffer).setUint32(8, children.at(-1)!.page);
  return image;
}

/** A b-tree page: pointers grow behind the header, cells from the end (sqlite.org/fileformat2.html, 1.6). */
function createPage(kind: number, headerBytes: number) {
  const page = new Uint8Array(pageBytes);
  const view = new DataView(page.buffer);
  let [count, start] = [0, pageBytes];
  return {
    fits: (bytes: number): boolean => headerBytes + 2 * (count + 1) + bytes <= start,
    add(cell: Uint8Array): void {
      start -= cell.length;
      page.set(cell, start);
      view.setUint16(headerBytes + 2 * count, start);
      count++;
    },
    clear(): void {
      page.fill(0);
      [count, start] = [0, pageBytes];
    },
    /** The page itself, good until the next change. */
    image(): Uint8Array<ArrayBuffer> {
      view.setUint8(0, kind);
      view.setUint16(3, count);
      view.setUint16(5, start);
      return page;
    },
  };
}
