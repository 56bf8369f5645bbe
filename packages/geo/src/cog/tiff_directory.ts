/** TIFF field types (TIFF 6.0 section 2; LONG8 from BigTIFF). */
const fieldTypes = { ascii: 2, short: 3, long: 4, double: 12, long8: 16 } as const;
const fieldBytes = { ascii: 1, short: 2, long: 4, double: 8, long8: 8 } as const;

/** One tag of a directory. `offset` fields are LONG in classic TIFF and LONG8 in BigTIFF. */
export interface TiffField {
  readonly tag: number;
  readonly type: "ascii" | "short" | "long" | "double" | "offset";
  readonly values: readonly number[] | string;
}

/** Bytes of the file header: 8 in classic TIFF, 16 in BigTIFF. */
export const headerBytes = (isBig: boolean): number => (isBig ? 16 : 8);

/** Header of a little-endian file whose first directory stands at `directoryOffset`. */
export function formatHeader(isBig: boolean, directoryOffset: number): Uint8Array {
  const header = new DataView(new ArrayBuffer(headerBytes(isBig)));
  header.setUint16(0, 0x4949, true);
  header.setUint16(2, isBig ? 43 : 42, true);
  if (isBig) {
    header.setUint16(4, 8, true);
    header.setBigUint64(8, BigInt(directoryOffset), true);
  } else header.setUint32(4, directoryOffset, true);
  return new Uint8Array(header.buffer);
}

/** Bytes of a directory with the values that do not fit inside it; a multiple of 8. */
export function directoryBytes(fields: readonly TiffField[], isBig: boolean): number {
  const outside = fields.reduce((sum, field) => {
    const bytes = valueBytes(field, isBig);
    return sum + (bytes > inlineBytes(isBig) ? roundUp8(bytes) : 0);
  }, 0);
  return roundUp8(tableBytes(fields.length, isBig)) + outside;
}

/**
 * A directory as it stands at `offset` of the file.
 *
 * @param nextOffset where the next directory stands; 0 after the last
 */
export function formatDirectory(
  fields: readonly TiffField[],
  isBig: boolean,
  offset: number,
  nextOffset: number,
): Uint8Array {
  const view = new DataView(new ArrayBuffer(directoryBytes(fields, isBig)));
  const writeOffset = (at: number, value: number): void =>
    isBig ? view.setBigUint64(at, BigInt(value), true) : view.setUint32(at, value, true);
  if (isBig) view.setBigUint64(0, BigInt(fields.length), true);
  else view.setUint16(0, fields.length, true);
  let at = isBig ? 8 : 2;
  let outside = roundUp8(tableBytes(fields.length, isBig));
  for (const field of [...fields].sort((a, b) => a.tag - b.tag)) {
    const type = typeOf(field, isBig);
    view.setUint16(at, field.tag, true);
    view.setUint16(at + 2, fieldTypes[type], true);
    writeOffset(at + 4, valueList(field).length);
    const bytes = valueBytes(field, isBig);
    const place = at + (isBig ? 12 : 8);
    if (bytes <= inlineBytes(isBig)) writeValues(view, place, type, valueList(field));
    else {
      writeOffset(place, offset + outside);
      writeValues(view, outside, type, valueList(field));
      outside += roundUp8(bytes);
    }
    at += isBig ? 20 : 12;
  }
  writeOffset(at, nextOffset);
  return new Uint8Array(view.buffer);
}

const roundUp8 = (bytes: number): number => Math.ceil(bytes / 8) * 8;
const inlineBytes = (isBig: boolean): number => (isBig ? 8 : 4);
const tableBytes = (count: number, isBig: boolean): number => (isBig ? 16 + 20 * count : 6 + 12 * count);
const valueBytes = (field: TiffField, isBig: boolean): number =>
  valueList(field).length * fieldBytes[typeOf(field, isBig)];

function typeOf(field: TiffField, isBig: boolean): keyof typeof fieldTypes {
  if (field.type !== "offset") return field.type;
  return isBig ? "long8" : "long";
}

/** Text is UTF-8 with a closing zero, as GDAL writes it. */
function valueList(field: TiffField): ArrayLike<number> {
  return typeof field.values === "string" ? new TextEncoder().encode(`${field.values}\0`) : field.values;
}

function writeValues(
  view: DataView,
  at: number,
  type: keyof typeof fieldTypes,
  values: ArrayLike<number>,
): void {
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    const place = at + index * fieldBytes[type];
    if (type === "ascii") view.setUint8(place, value);
    else if (type === "short") view.setUint16(place, value, true);
    else if (type === "long") view.setUint32(place, value, true);
    else if (type === "double") view.setFloat64(place, value, true);
    else view.setBigUint64(place, BigInt(value), true);
  }
}
