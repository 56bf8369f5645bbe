/** Bytes of a page: SQLite's default. */
export const pageBytes = 4096;
/** SQLite locks the byte at 2^30 and leaves the page around it empty (sqlite.org/fileformat2.html, 1.4). */
const lockPage = 2 ** 30 / pageBytes + 1;
/** Pages are handed over in parts of about this many bytes. */
const partBytes = 2 ** 22;

/** Takes bytes that belong at a position of the file. They are used again once the promise is settled. */
export type PageSink = (bytes: Uint8Array, position: number) => Promise<void>;

/** Pages that are put behind each other at the end of a database. */
export interface PageFile {
  /** Copies a page in and gives its number. */
  add(page: Uint8Array): number;
  /** Whether there is enough for a `drain`. */
  isFull(): boolean;
  /** Hands what is held to the sink. */
  drain(): Promise<void>;
  /** Number of pages of the database so far. */
  pageCount(): number;
}

/**
 * Starts behind the pages that a database has.
 *
 * @param pagesBefore how many; the lock page is left out of what is added
 */
export function createPageFile(pagesBefore: number, sink: PageSink): PageFile {
  let held = new Uint8Array(partBytes + 64 * pageBytes);
  let first = pagesBefore;
  let used = 0;
  const add = (page: Uint8Array | undefined): number => {
    if (used + pageBytes > held.length) {
      const larger = new Uint8Array(2 * held.length);
      larger.set(held);
      held = larger;
    }
    if (page === undefined) held.fill(0, used, used + pageBytes);
    else held.set(page, used);
    used += pageBytes;
    return first + used / pageBytes;
  };
  return {
    add(page) {
      if (first + used / pageBytes + 1 === lockPage) add(undefined);
      return add(page);
    },
    isFull: () => used >= partBytes,
    async drain() {
      if (used > 0) await sink(held.subarray(0, used), first * pageBytes);
      first += used / pageBytes;
      used = 0;
    },
    pageCount: () => first + used / pageBytes,
  };
}
