/**
 * Cuts a ring that passes twice through a pinch vertex into rings that pass through it once. A region that is connected
 * by edges touches itself at a corner only where it encloses a hole there, so one of the parts is that hole: rings then
 * touch at points, as OGC 06-103r4 (6.1.11.1) allows, and none touches itself.
 *
 * @param ring `[2 x + pinch, y, …]` from `VertexChains`
 * @returns rings of plain `[x, y, …]`
 */
export function splitAtPinches(ring: Int32Array): Int32Array[] {
  const parts: Int32Array[] = [];
  const stack = new Int32Array(ring.length);
  let height = 0;
  /** Where each pinch vertex on the stack stands. */
  const places = new Map<number, number>();
  for (let at = 0; at < ring.length; at += 2) {
    const x = ring[at]! >> 1;
    const y = ring[at + 1]!;
    if ((ring[at]! & 1) === 1) {
      const key = keyOf(x, y);
      const place = places.get(key);
      if (place !== undefined) {
        for (let inner = place + 2; inner < height; inner += 2)
          places.delete(keyOf(stack[inner]!, stack[inner + 1]!));
        parts.push(stack.slice(place, height));
        height = place + 2;
        continue;
      }
      places.set(key, height);
    }
    stack[height] = x;
    stack[height + 1] = y;
    height += 2;
  }
  parts.push(stack.slice(0, height));
  return parts;
}

/** Sides stay below 2^26, so the key is an exact whole number. */
const keyOf = (x: number, y: number): number => y * 2 ** 26 + x;
