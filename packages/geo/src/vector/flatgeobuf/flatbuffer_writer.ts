/** A field of a FlatBuffers table. Scalars are stored in the table, all else behind it. */
export type FlatField =
  | { readonly kind: "u8"; readonly value: number }
  | { readonly kind: "u16"; readonly value: number }
  | { readonly kind: "i32"; readonly value: number }
  | { readonly kind: "u64"; readonly value: bigint }
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "bytes"; readonly value: Uint8Array }
  | { readonly kind: "u32s" | "f64s"; readonly value: ArrayLike<number> }
  | { readonly kind: "table"; readonly value: FlatTable }
  | { readonly kind: "tables"; readonly value: readonly FlatTable[] };

/** Fields by their number in the schema; those left `undefined` take the schema's default. */
export type FlatTable = readonly (FlatField | undefined)[];

const inlineBytes: Readonly<Record<FlatField["kind"], number>> = {
  u8: 1,
  u16: 2,
  i32: 4,
  u64: 8,
  text: 4,
  bytes: 4,
  u32s: 4,
  f64s: 4,
  table: 4,
  tables: 4,
};

interface Output {
  view: DataView;
  at: number;
}

/**
 * A size-prefixed FlatBuffers message (flatbuffers.dev, "FlatBuffer internals"): little-endian, each table behind its
 * vtable and before what it refers to, numbers aligned to their size counted from the prefix. Its length is a multiple
 * of 8, so messages in a row stay aligned.
 */
export function formatFlatbuffer(root: FlatTable): Uint8Array {
  const out: Output = { view: new DataView(new ArrayBuffer(512)), at: 8 };
  const table = writeTable(out, root);
  align(out, 8);
  out.view.setUint32(0, out.at - 4, true);
  out.view.setUint32(4, table - 4, true);
  // A copy: a view would keep the whole room of each of many small messages.
  return new Uint8Array(out.view.buffer.slice(0, out.at));
}

/** Makes room for `bytes` more, and says where they begin. */
function take(out: Output, bytes: number): number {
  const start = out.at;
  out.at += bytes;
  if (out.at > out.view.byteLength) {
    const larger = new Uint8Array(Math.max(out.at, 2 * out.view.byteLength));
    larger.set(new Uint8Array(out.view.buffer));
    out.view = new DataView(larger.buffer);
  }
  return start;
}

/** Fills up so that the position `ahead` bytes on is a multiple of `size`. */
function align(out: Output, size: number, ahead = 0): void {
  take(out, (size - ((out.at + ahead) % size)) % size);
}

function writeTable(out: Output, fields: FlatTable): number {
  const slots: number[] = [];
  let tableBytes = 4;
  for (const field of fields) {
    if (field === undefined) {
      slots.push(0);
      continue;
    }
    const bytes = inlineBytes[field.kind];
    tableBytes = Math.ceil(tableBytes / bytes) * bytes;
    slots.push(tableBytes);
    tableBytes += bytes;
  }
  align(out, 2);
  const vtable = take(out, 4 + 2 * slots.length);
  align(out, 8);
  const table = take(out, tableBytes);
  out.view.setUint16(vtable, 4 + 2 * slots.length, true);
  out.view.setUint16(vtable + 2, tableBytes, true);
  slots.forEach((slot, index) => {
    out.view.setUint16(vtable + 4 + 2 * index, slot, true);
  });
  out.view.setInt32(table, table - vtable, true);
  fields.forEach((field, index) => {
    if (field !== undefined) writeField(out, field, table + slots[index]!);
  });
  return table;
}

function writeField(out: Output, field: FlatField, slot: number): void {
  const { view } = out;
  if (field.kind === "u8") view.setUint8(slot, field.value);
  else if (field.kind === "u16") view.setUint16(slot, field.value, true);
  else if (field.kind === "i32") view.setInt32(slot, field.value, true);
  else if (field.kind === "u64") view.setBigUint64(slot, field.value, true);
  else {
    // What is written behind may move the buffer: `view` above is old by then.
    const target = writeBehind(out, field);
    out.view.setUint32(slot, target - slot, true);
  }
}

type Referred = Extract<
  FlatField,
  { readonly kind: "text" | "bytes" | "u32s" | "f64s" | "table" | "tables" }
>;

function writeBehind(out: Output, field: Referred): number {
  switch (field.kind) {
    case "table":
      return writeTable(out, field.value);
    case "text":
      return writeBytes(out, new TextEncoder().encode(field.value), 1);
    case "bytes":
      return writeBytes(out, field.value, 0);
    case "tables": {
      const start = startVector(out, field.value.length, 4);
      field.value.forEach((table, index) => {
        const slot = start + 4 + 4 * index;
        const target = writeTable(out, table);
        out.view.setUint32(slot, target - slot, true);
      });
      return start;
    }
    default: {
      const bytes = field.kind === "f64s" ? 8 : 4;
      const start = startVector(out, field.value.length, bytes);
      for (let index = 0; index < field.value.length; index++) {
        const at = start + 4 + bytes * index;
        if (bytes === 8) out.view.setFloat64(at, field.value[index]!, true);
        else out.view.setUint32(at, field.value[index]!, true);
      }
      return start;
    }
  }
}

function startVector(out: Output, length: number, elementBytes: number): number {
  align(out, Math.max(4, elementBytes), 4);
  const start = take(out, 4 + length * elementBytes);
  out.view.setUint32(start, length, true);
  return start;
}

function writeBytes(out: Output, bytes: Uint8Array, zeros: number): number {
  const start = startVector(out, bytes.length, 1);
  new Uint8Array(out.view.buffer).set(bytes, start + 4);
  take(out, zeros);
  return start;
}
