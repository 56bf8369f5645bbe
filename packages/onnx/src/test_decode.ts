/**
 * A reader of protocol buffers for tests, written from the field tables of onnx.proto3 and sharing nothing with the
 * encoder: what one of them has wrong the other does not undo.
 */

/** Values of a message by their field numbers, in order: integers as bigint, 4 bytes or length-delimited as bytes. */
export type Fields = ReadonlyMap<number, readonly (bigint | Uint8Array)[]>;

/** The fields of one message; throws where the bytes are none. */
export function decodeFields(bytes: Uint8Array): Fields {
  const fields = new Map<number, (bigint | Uint8Array)[]>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 63n) throw new Error("a number without an end");
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const take = (count: number): Uint8Array => {
    if (at + count > bytes.length)
      throw new Error(`a field of ${count} bytes where ${bytes.length - at} are left`);
    at += count;
    return bytes.subarray(at - count, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const readers: Readonly<Record<number, () => bigint | Uint8Array>> = {
      0: varint,
      2: () => take(Number(varint())),
      5: () => take(4),
    };
    const reader = readers[tag & 7];
    if (reader === undefined) throw new Error(`wire type ${tag & 7}`);
    const number = tag >> 3;
    fields.set(number, [...(fields.get(number) ?? []), reader()]);
  }
  return fields;
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** All values of a field as messages. */
export const messages = (fields: Fields, number: number): Fields[] =>
  (fields.get(number) ?? []).map((value) => decodeFields(value as Uint8Array));

/** All values of a field as text. */
export const texts = (fields: Fields, number: number): string[] =>
  (fields.get(number) ?? []).map((value) => decoder.decode(value as Uint8Array));

/** All values of a field as signed 64-bit integers. */
export const integers = (fields: Fields, number: number): number[] =>
  (fields.get(number) ?? []).map((value) => Number(BigInt.asIntN(64, value as bigint)));

/** The only value of a field as bytes. */
export const blob = (fields: Fields, number: number): Uint8Array => fields.get(number)![0] as Uint8Array;
