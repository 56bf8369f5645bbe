/** Writes pickles of protocol 2 from the few values that tensors need. Source: CPython, Lib/pickletools.py. */
export class PickleWriter {
  readonly #bytes: number[] = [0x80, 2];
  readonly #globals = new Map<string, number>();

  /** A class or function by name, remembered: the second time costs two bytes. */
  global(module: string, name: string): void {
    const path = `${module}\n${name}\n`;
    const known = this.#globals.get(path);
    if (known !== undefined) {
      this.#bytes.push(0x68, known);
      return;
    }
    const key = this.#globals.size;
    this.#globals.set(path, key);
    this.#bytes.push(0x63, ...new TextEncoder().encode(path), 0x71, key);
  }

  text(value: string): void {
    const bytes = new TextEncoder().encode(value);
    this.#bytes.push(0x58, ...littleEndian(BigInt(bytes.length), 4), ...bytes);
  }

  /** A whole number of up to 53 bits. */
  int(value: number): void {
    if (value >= 0 && value < 256) this.#bytes.push(0x4b, value);
    else if (value === (value | 0)) this.#bytes.push(0x4a, ...littleEndian(BigInt(value), 4));
    else this.#bytes.push(0x8a, 8, ...littleEndian(BigInt(value), 8));
  }

  /** A tuple of what `items` writes. */
  tuple(items: () => void): void {
    this.#bytes.push(0x28);
    items();
    this.#bytes.push(0x74);
  }

  ints(values: readonly number[]): void {
    this.tuple(() => {
      for (const value of values) this.int(value);
    });
  }

  falsehood = (): void => void this.#bytes.push(0x89);
  /** Calls what lies under the tuple on top. */
  reduce = (): void => void this.#bytes.push(0x52);
  /** Takes the tuple on top as the name of an object that is kept elsewhere. */
  persistent = (): void => void this.#bytes.push(0x51);

  /** Puts pairs of key and value, which `items` writes, into the dict on top. */
  setItems(items: () => void): void {
    this.#bytes.push(0x28);
    items();
    this.#bytes.push(0x75);
  }

  /** The pickle, ended. */
  finish(): Uint8Array {
    return Uint8Array.from([...this.#bytes, 0x2e]);
  }
}

function littleEndian(value: bigint, length: number): number[] {
  return Array.from({ length }, (_, byte) => Number((value >> BigInt(8 * byte)) & 0xffn));
}
