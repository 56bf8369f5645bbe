import { type ByteBuilder, varintBytes } from "./byte_builder.js";

/** A value of a row. Numbers that are whole and safe are stored as integers, as SQLite does in any numeric column. */
export type RecordValue = null | number | string | Uint8Array;

/** Writes rows in SQLite's record format (sqlite.org/fileformat2.html, 2.1). */
export interface RecordWriter {
  /** Puts one row behind what `out` holds. */
  write(out: ByteBuilder, values: readonly RecordValue[]): void;
}

const text = new TextEncoder();

/** Makes a writer; it keeps its working arrays from row to row. */
export function createRecordWriter(): RecordWriter {
  const types: number[] = [];
  const bodies: (number | Uint8Array)[] = [];
  return {
    write(out, values) {
      let headerBytes = 0;
      for (let column = 0; column < values.length; column++) {
        const value = values[column]!;
        const body = typeof value === "string" ? text.encode(value) : (value ?? 0);
        const type = serialType(value, body);
        types[column] = type;
        bodies[column] = body;
        headerBytes += varintBytes(type);
      }
      // The header's length counts itself; one byte of it holds up to 127.
      const ownBytes = headerBytes + 1 < 128 ? 1 : 2;
      out.varint(headerBytes + ownBytes);
      for (let column = 0; column < values.length; column++) out.varint(types[column]!);
      for (let column = 0; column < values.length; column++) putBody(out, types[column]!, bodies[column]!);
    },
  };
}

/** How a value is stored: 0 NULL; 1 to 6 integers; 7 a float; 8 and 9 the numbers 0 and 1; from 12 on blobs and texts. */
function serialType(value: RecordValue, body: number | Uint8Array): number {
  if (value === null) return 0;
  if (typeof body !== "number") return 2 * body.length + (typeof value === "string" ? 13 : 12);
  if (!Number.isSafeInteger(body)) return 7;
  if (body === 0 || body === 1) return 8 + body;
  const magnitude = body < 0 ? -body - 1 : body;
  for (let type = 1; type < 6; type++) if (magnitude < 2 ** (8 * integerBytes[type]! - 1)) return type;
  return 6;
}

/** Bytes of the serial types 0 to 6. */
const integerBytes = [0, 1, 2, 3, 4, 6, 8];

function putBody(out: ByteBuilder, type: number, body: number | Uint8Array): void {
  if (typeof body !== "number") out.append(body);
  else if (type === 7) out.double(body);
  else if (type >= 1 && type <= 6) out.integer(body, integerBytes[type]!);
}
