/** Bytes that grow at their end and are used again: nothing is allocated once the longest content was seen. */
export interface ByteBuilder {
  /** Empties it. */
  clear(): void;
  /** A SQLite varint (sqlite.org/fileformat2.html, 1.6): whole numbers from 0 to 2^53. */
  varint(value: number): void;
  /** The low `bytes` bytes of a whole number in two's complement, most significant first. */
  integer(value: number, bytes: number): void;
  /** An IEEE 754 number, most significant byte first. */
  double(value: number): void;
  append(bytes: Uint8Array): void;
  /** What is in it now: a view, good until the next change. */
  content(): Uint8Array;
}

/** Starts empty. */
export function createByteBuilder(): ByteBuilder {
  let bytes = new Uint8Array(1024);
  let view = new DataView(bytes.buffer);
  let used = 0;
  const reserve = (more: number): number => {
    const at = used;
    used += more;
    if (used > bytes.length) {
      const larger = new Uint8Array(Math.max(2 * bytes.length, used));
      larger.set(bytes.subarray(0, at));
      bytes = larger;
      view = new DataView(bytes.buffer);
    }
    return at;
  };
  return {
    clear() {
      used = 0;
    },
    varint(value) {
      const length = varintBytes(value);
      let at = reserve(length) + length - 1;
      bytes[at] = value % 128;
      for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128))
        bytes[--at] = 128 | (rest % 128);
    },
    integer(value, length) {
      let at = reserve(length) + length - 1;
      for (let left = length, rest = value; left > 0; left--, rest = Math.floor(rest / 256))
        bytes[at--] = rest - 256 * Math.floor(rest / 256);
    },
    double(value) {
      const at = reserve(8);
      view.setFloat64(at, value);
    },
    append(more) {
      const at = reserve(more.length);
      bytes.set(more, at);
    },
    content: () => bytes.subarray(0, used),
  };
}

/** Bytes of a varint below 2^56. */
export function varintBytes(value: number): number {
  let length = 1;
  for (let limit = 128; value >= limit; limit *= 128) length++;
  return length;
}
