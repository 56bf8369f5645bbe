/** Visits the bytes that are not 0; nearly all of a scene's are. */
export function forSetBytes(bytes: Uint8Array, visit: (at: number) => void): void {
  const words = wordsOf(bytes);
  for (let word = 0; word < words.length; word++) {
    if (words[word] === 0) continue;
    for (let at = 4 * word; at < 4 * word + 4; at++) if (bytes[at] !== 0) visit(at);
  }
  for (let at = 4 * words.length; at < bytes.length; at++) if (bytes[at] !== 0) visit(at);
}

/** The whole words at the beginning of an array: none where it is not aligned. */
export const wordsOf = (bytes: Uint8Array): Uint32Array =>
  bytes.byteOffset % 4 === 0
    ? new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2)
    : new Uint32Array(0);

/** 1 where a pixel has no reason against it. */
export function validWhere(reasons: Uint8Array): Uint8Array {
  const validMask = new Uint8Array(reasons.length).fill(1);
  forSetBytes(reasons, (pixel) => (validMask[pixel] = 0));
  return validMask;
}
