import type { AttributeValue } from "../../types.js";

/** Attributes of a shape; `undefined` for records that are marked as deleted. */
export type DbfRecord = Readonly<Record<string, AttributeValue>> | undefined;

interface DbfField {
  readonly name: string;
  readonly type: string;
  readonly length: number;
}

/**
 * Records of a dBASE table: numbers, texts, logical values, dates as `YYYY-MM-DD`. Empty fields are null.
 *
 * @param encoding what the `.cpg` file beside it says; by default the table's own mark, else Windows-1252
 * @throws RangeError where the table points outside itself
 */
export function parseDbf(bytes: Uint8Array, encoding: string | undefined): DbfRecord[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint32(4, true);
  const headerBytes = view.getUint16(8, true);
  const recordBytes = view.getUint16(10, true);
  const decoder = decoderFor(encoding ?? (view.getUint8(29) === 0x4d ? "936" : undefined));
  const fields: DbfField[] = [];
  for (let at = 32; at + 32 <= headerBytes && view.getUint8(at) !== 0x0d; at += 32) {
    const name = decoder.decode(bytes.subarray(at, at + 11)).replace(/\0.*$/s, "");
    fields.push({ name, type: String.fromCharCode(view.getUint8(at + 11)), length: view.getUint8(at + 16) });
  }
  const fieldBytes = fields.reduce((sum, { length }) => sum + length, 1);
  // The end-of-file mark may be missing, the records not.
  if (recordBytes < fieldBytes || headerBytes + count * recordBytes > bytes.length) {
    throw new RangeError(`${count} table rows of ${recordBytes} bytes in ${bytes.length}`);
  }
  return Array.from({ length: count }, (_, index) => {
    const start = headerBytes + index * recordBytes;
    if (bytes[start] === 0x2a) return undefined;
    let at = start + 1;
    const entries = fields.map((field): [string, AttributeValue] => {
      const content = bytes.subarray(at, at + field.length);
      at += field.length;
      return [field.name, toValue(decoder.decode(content), field.type)];
    });
    return Object.fromEntries(entries);
  });
}

function toValue(raw: string, type: string): AttributeValue {
  const text = raw.replace(/\0.*$/s, "").trim();
  switch (type) {
    case "N":
    case "F": {
      // Stars fill a number that was too wide for its column.
      const value = text === "" ? Number.NaN : Number(text);
      return Number.isFinite(value) ? value : null;
    }
    case "L":
      return /^[yYtT]$/.test(text) ? true : /^[nNfF]$/.test(text) ? false : null;
    case "D":
      return /^\d{8}$/.test(text) && text !== "00000000"
        ? `${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6)}`
        : null;
    default: {
      const content = raw.replace(/\0+$/, "").replace(/ +$/, "");
      return content === "" ? null : content;
    }
  }
}

/** Decoder of a code page as `.cpg` files name it: `UTF-8`, `1252`, `ANSI 1251`, `ISO 88591`. */
function decoderFor(encoding: string | undefined): TextDecoder {
  const label = (encoding ?? "windows-1252").trim().toLowerCase();
  const page = /(\d{3,5})$/.exec(label)?.[1];
  const iso = /8859[-_ ]?(\d+)$/.exec(label)?.[1];
  const guesses = [
    page === "65001" ? "utf-8" : label,
    iso === undefined ? undefined : `iso-8859-${iso}`,
    page === "936" ? "gbk" : page === "932" ? "shift_jis" : page === "950" ? "big5" : undefined,
    page === undefined ? undefined : `windows-${page}`,
    page === undefined ? undefined : `ibm${page}`,
  ];
  for (const guess of guesses) {
    try {
      if (guess !== undefined) return new TextDecoder(guess);
    } catch {
      // Not a name that decoders know: try the next.
    }
  }
  return new TextDecoder("windows-1252");
}
