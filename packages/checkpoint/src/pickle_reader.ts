import { corrupt } from "./failures.js";

/** Raised when a pickle goes on behind the bytes at hand. */
export class PickleEndsEarly extends Error {}

/** Reads the arguments of pickle opcodes. */
export class PickleReader {
  readonly #view: DataView;

  constructor(
    readonly bytes: Uint8Array,
    readonly name: string,
    public at = 0,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #take(length: number): number {
    const from = this.at;
    if (from + length > this.bytes.byteLength) throw new PickleEndsEarly();
    this.at = from + length;
    return from;
  }

  uint8 = (): number => this.#view.getUint8(this.#take(1));
  uint16 = (): number => this.#view.getUint16(this.#take(2), true);
  int32 = (): number => this.#view.getInt32(this.#take(4), true);
  uint32 = (): number => this.#view.getUint32(this.#take(4), true);
  float64BigEndian = (): number => this.#view.getFloat64(this.#take(8), false);

  uint64(): number {
    const value = this.#view.getBigUint64(this.#take(8), true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER))
      throw corrupt(this.name, "a length inside the file", `${value}`);
    return Number(value);
  }

  blob(length: number): Uint8Array {
    const from = this.#take(length);
    return this.bytes.slice(from, from + length);
  }

  text(length: number): string {
    const from = this.#take(length);
    return new TextDecoder().decode(this.bytes.subarray(from, from + length));
  }

  /** Text of Python 2, one byte a character. */
  latin1(length: number): string {
    return Array.from(this.blob(length), (byte) => String.fromCharCode(byte)).join("");
  }

  line(): string {
    const end = this.bytes.indexOf(0x0a, this.at);
    if (end < 0) throw new PickleEndsEarly();
    const text = this.text(end - this.at);
    this.at = end + 1;
    return text;
  }

  /** Two's complement, little-endian, of any length; a number where it fits. */
  long(length: number): number | bigint {
    let value = 0n;
    const bytes = this.blob(length);
    for (let index = length - 1; index >= 0; index--) value = (value << 8n) | BigInt(bytes[index]!);
    if (length > 0 && bytes[length - 1]! & 0x80) value -= 1n << BigInt(8 * length);
    const narrow = Number(value);
    return Number.isSafeInteger(narrow) ? narrow : value;
  }
}
