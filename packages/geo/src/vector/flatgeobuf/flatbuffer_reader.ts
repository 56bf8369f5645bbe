/** A table in a FlatBuffers message; fields are asked for by their number in the schema. */
export interface FlatReader {
  u8(field: number, otherwise: number): number;
  u16(field: number, otherwise: number): number;
  i32(field: number, otherwise: number): number;
  u64(field: number): bigint;
  text(field: number): string | undefined;
  bytes(field: number): Uint8Array | undefined;
  u32s(field: number): Uint32Array;
  f64s(field: number): Float64Array;
  table(field: number): FlatReader | undefined;
  tables(field: number): FlatReader[];
}

/**
 * The root table of a message without its size prefix. Every position is checked against the message.
 *
 * @throws RangeError where the message points outside itself
 */
export function openFlatbuffer(bytes: Uint8Array): FlatReader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return tableAt(view, view.getUint32(0, true));
}

function tableAt(view: DataView, table: number): FlatReader {
  const vtable = table - view.getInt32(table, true);
  const fields = (view.getUint16(vtable, true) - 4) / 2;
  /** Where a field stands, or 0 when it takes its default. */
  const slotOf = (field: number): number => {
    const slot = field < fields ? view.getUint16(vtable + 4 + 2 * field, true) : 0;
    return slot === 0 ? 0 : table + slot;
  };
  const follow = (slot: number): number => slot + view.getUint32(slot, true);
  /** First element of a vector and their number; refuses one that does not fit before anything is allocated. */
  const vectorOf = (field: number, elementBytes: number): [start: number, length: number] => {
    const slot = slotOf(field);
    if (slot === 0) return [0, 0];
    const at = follow(slot);
    const length = view.getUint32(at, true);
    if (at + 4 + length * elementBytes > view.byteLength) throw new RangeError(`a list of ${length} entries`);
    return [at + 4, length];
  };
  const bytes = (field: number): Uint8Array | undefined => {
    if (slotOf(field) === 0) return undefined;
    const [start, length] = vectorOf(field, 1);
    return new Uint8Array(view.buffer, view.byteOffset + start, length);
  };
  return {
    u8: (field, otherwise) => (slotOf(field) === 0 ? otherwise : view.getUint8(slotOf(field))),
    u16: (field, otherwise) => (slotOf(field) === 0 ? otherwise : view.getUint16(slotOf(field), true)),
    i32: (field, otherwise) => (slotOf(field) === 0 ? otherwise : view.getInt32(slotOf(field), true)),
    u64: (field) => (slotOf(field) === 0 ? 0n : view.getBigUint64(slotOf(field), true)),
    text: (field) => {
      const content = bytes(field);
      return content === undefined ? undefined : new TextDecoder().decode(content);
    },
    bytes,
    u32s: (field) => {
      const [start, length] = vectorOf(field, 4);
      return Uint32Array.from({ length }, (_, index) => view.getUint32(start + 4 * index, true));
    },
    f64s: (field) => {
      const [start, length] = vectorOf(field, 8);
      return Float64Array.from({ length }, (_, index) => view.getFloat64(start + 8 * index, true));
    },
    table: (field) => (slotOf(field) === 0 ? undefined : tableAt(view, follow(slotOf(field)))),
    tables: (field) => {
      const [start, length] = vectorOf(field, 4);
      return Array.from({ length }, (_, index) => tableAt(view, follow(start + 4 * index)));
    },
  };
}
