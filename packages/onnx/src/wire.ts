/**
 * Protocol buffers' wire format, as far as ONNX needs it: variable-length integers, 32-bit floats, and fields with a
 * length (text, bytes, messages). Source: https://protobuf.dev/programming-guides/encoding.
 */

const utf8 = new TextEncoder();
const varintType = 0;
const lengthType = 2;
const float32Type = 5;

/** A message being put together. Pieces are kept, not copied, until `bytes`. */
export class WireMessage {
  private readonly pieces: Uint8Array[] = [];
  private length = 0;

  /** Bytes so far. */
  get byteLength(): number {
    return this.length;
  }

  /** A whole number from -2^53 to 2^53; negative ones take ten bytes, as for `int64`. */
  int(field: number, value: number | bigint): this {
    return this.tag(field, varintType).add(varint(BigInt(value)));
  }

  float(field: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.tag(field, float32Type).add(bytes);
  }

  text(field: number, value: string): this {
    return this.blob(field, utf8.encode(value));
  }

  blob(field: number, bytes: Uint8Array): this {
    return this.open(field, bytes.length).add(bytes);
  }

  message(field: number, inner: WireMessage): this {
    this.open(field, inner.length);
    for (const piece of inner.pieces) this.add(piece);
    return this;
  }

  /** Only the head of a field with a length: who calls it lets `byteLength` bytes follow. */
  open(field: number, byteLength: number): this {
    return this.tag(field, lengthType).add(varint(BigInt(byteLength)));
  }

  /** Everything in one array. */
  bytes(): Uint8Array {
    const all = new Uint8Array(this.length);
    let at = 0;
    for (const piece of this.pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }

  private tag(field: number, type: number): this {
    return this.add(varint(BigInt(field * 8 + type)));
  }

  private add(piece: Uint8Array): this {
    this.pieces.push(piece);
    this.length += piece.length;
    return this;
  }
}

/** Seven bits a byte, the lowest first; negative numbers as their 64-bit complement. */
function varint(value: bigint): Uint8Array {
  let rest = BigInt.asUintN(64, value);
  const bytes: number[] = [];
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
