const [clearCode, endCode, firstFree] = [256, 257, 258];
const maxCodes = 4096;

/**
 * Decodes TIFF's LZW (TIFF 6.0, section 13: codes from the high bit, widths that grow one code early) until `mostBytes` are
 * out or the data ends; what a block holds beyond its own size is dropped.
 *
 * @throws Error for codes that are not in the table yet
 */
export function decodeLzw(bytes: Uint8Array, mostBytes: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(mostBytes);
  // Each code stands for a run of the output: the run of another code and one more byte.
  const starts = new Int32Array(maxCodes);
  const lengths = new Int32Array(maxCodes);
  let [held, heldBits, at, width] = [0, 0, 0, 9];
  let [written, next] = [0, firstFree];
  let before = -1;
  let [beforeStart, beforeLength] = [0, 0];
  while (written < mostBytes) {
    while (heldBits < width && at < bytes.length) {
      held = ((held & 0xffff) << 8) | bytes[at++]!;
      heldBits += 8;
    }
    if (heldBits < width) break;
    heldBits -= width;
    const code = (held >> heldBits) & ((1 << width) - 1);
    if (code === endCode) break;
    if (code === clearCode) {
      [width, next, before] = [9, firstFree, -1];
      continue;
    }
    const isNew = code === next && before !== -1;
    if (code > endCode && code >= next && !isNew) throw new Error(`LZW code ${code} of ${next}`);
    const start = written;
    let length = 1;
    if (code < clearCode) out[written++] = code;
    else {
      const from = isNew ? beforeStart : starts[code]!;
      length = isNew ? beforeLength + 1 : lengths[code]!;
      const end = Math.min(written + length, mostBytes);
      // Byte by byte: a run may reach into what it writes.
      for (let source = from; written < end; source++) out[written++] = out[source]!;
    }
    if (before !== -1 && next < maxCodes) {
      starts[next] = beforeStart;
      lengths[next] = beforeLength + 1;
      next++;
      if (next + 1 >= 1 << width && width < 12) width++;
    }
    [before, beforeStart, beforeLength] = [code, start, length];
  }
  return out.subarray(0, written);
}
