import { seededRng } from "@glof/core";

/** A random mask of ones and zeros. */
export function randomMask(
  width: number,
  height: number,
  density: number,
  seed: number | string,
): Uint8Array {
  const rng = seededRng(seed);
  return Uint8Array.from({ length: width * height }, () => (rng.next() < density ? 1 : 0));
}

/** A mask drawn with characters: `#` is one, anything else zero. */
export function drawMask(...rows: string[]): { mask: Uint8Array; width: number; height: number } {
  return {
    mask: Uint8Array.from([...rows.join("")], (character) => (character === "#" ? 1 : 0)),
    width: rows[0]!.length,
    height: rows.length,
  };
}
