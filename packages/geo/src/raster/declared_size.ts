/**
 * The size that the first frame of ZSTD data declares for its content (RFC 8878, 3.1.1.1); its window where it declares
 * none, and 0 for what is no ZSTD.
 */
export function zstdContentBytes(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 18 || view.getUint32(0, true) !== 0xfd2fb528) return 0;
  const descriptor = bytes[4]!;
  const isSingle = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!;
  const at = 5 + (isSingle ? 0 : 1) + dictionaryBytes;
  const kind = descriptor >> 6;
  if (kind === 0) return isSingle ? bytes[at]! : 0;
  if (kind === 1) return view.getUint16(at, true) + 256;
  return kind === 2 ? view.getUint32(at, true) : Number(view.getBigUint64(at, true));
}

/** The bytes of the picture that a LERC 2 blob declares (Esri's LERC specification, 2.4); 0 for other data. */
export function lercBytes(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 46 || new TextDecoder().decode(bytes.subarray(0, 6)) !== "Lerc2 ") return 0;
  const version = view.getInt32(6, true);
  const at = version >= 3 ? 14 : 10;
  const [rows, cols] = [view.getInt32(at, true), view.getInt32(at + 4, true)];
  const values = version >= 4 ? view.getInt32(at + 8, true) : 1;
  const type = view.getInt32(at + (version >= 4 ? 24 : 20), true);
  const typeBytes = [1, 1, 2, 2, 4, 4, 4, 8][type] ?? 8;
  return Math.max(rows, 0) * Math.max(cols, 0) * Math.max(values, 1) * typeBytes;
}
