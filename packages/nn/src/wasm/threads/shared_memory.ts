// WebAssembly memory that threads share differs from other memory in one bit of its type: the flags of its limits in the
// binary. TensorFlow.js's single-threaded SIMD module runs unchanged on shared memory; setting that bit spares its
// threaded build, which starts in browsers only.

const IMPORTS = 2;
const MEMORY = 5;
const HAS_MAXIMUM = 1;
const SHARED = 2;

/**
 * A copy of a WebAssembly binary whose one memory, imported or its own, is shared; `undefined` when it has none, or one
 * without a maximum, which a shared memory must have.
 */
export function withSharedMemory(binary: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  const copy = Uint8Array.from(binary);
  const at = findMemoryFlags(copy);
  if (at === undefined || (copy[at]! & HAS_MAXIMUM) === 0) return undefined;
  copy[at]! |= SHARED;
  return copy;
}

/** Position of the flags of the memory's limits (WebAssembly core specification, "Binary Format", "Modules"). */
function findMemoryFlags(binary: Uint8Array): number | undefined {
  const reader = new Reader(binary, 8);
  while (reader.at < binary.length) {
    const id = reader.byte();
    const length = reader.number();
    const end = reader.at + length;
    if (id === MEMORY && reader.number() > 0) return reader.at;
    if (id === IMPORTS) {
      const found = findImportedMemory(reader);
      if (found !== undefined) return found;
    }
    reader.at = end;
  }
  return undefined;
}

/** Walks the imports: two names, a kind (0 function, 1 table, 2 memory, 3 global) and a type each. */
function findImportedMemory(reader: Reader): number | undefined {
  for (let left = reader.number(); left > 0; left--) {
    reader.skip(reader.number());
    reader.skip(reader.number());
    const kind = reader.byte();
    if (kind === 2) return reader.at;
    if (kind === 0) reader.number();
    else if (kind === 3) reader.skip(2);
    else {
      reader.skip(1);
      const hasMaximum = (reader.byte() & HAS_MAXIMUM) !== 0;
      reader.number();
      if (hasMaximum) reader.number();
    }
  }
  return undefined;
}

class Reader {
  constructor(
    private readonly bytes: Uint8Array,
    public at: number,
  ) {}

  byte(): number {
    return this.bytes[this.at++] ?? 0;
  }

  skip(count: number): void {
    this.at += count;
  }

  /** An unsigned number in LEB128. */
  number(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) break;
    }
    return value;
  }
}
