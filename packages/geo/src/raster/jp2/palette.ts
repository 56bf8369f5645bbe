import type { Color } from "../../types.js";

/**
 * Reads a palette box (ISO/IEC 15444-1, annex I.5.3.4): entries (2 bytes), columns, bit depth of each column, values.
 *
 * @returns `undefined` when there is no palette, or none of 3 or 4 columns of 8 bits
 */
export function readPalette(content: Uint8Array | undefined): readonly Color[] | undefined {
  if (content === undefined || content.length < 3) return undefined;
  const entries = content[0]! * 256 + content[1]!;
  const columns = content[2]!;
  const isKnown = (columns === 3 || columns === 4) && entries <= 1_024;
  const values = content.subarray(3 + columns, 3 + columns + entries * columns);
  if (!isKnown || values.length < entries * columns) return undefined;
  if (!content.subarray(3, 3 + columns).every((depth) => depth === 7)) return undefined;
  return Array.from({ length: entries }, (_, entry) => {
    const [red, green, blue, alpha = 255] = values.subarray(entry * columns, (entry + 1) * columns);
    return [red!, green!, blue!, alpha];
  });
}
