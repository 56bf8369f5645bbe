/**
 * Polylines that grow at both ends until they close: doubly known by their ends, singly linked inside, all in a few
 * typed arrays. A node is a number; the places of closed rings are used again.
 */
export interface VertexChains {
  /** A chain of one vertex. */
  start(x: number, y: number, isPinch: boolean): number;
  /** A new vertex after the chain's last one. */
  append(tail: number, x: number, y: number, isPinch: boolean): number;
  /** A new vertex before the chain's first one. */
  prepend(head: number, x: number, y: number, isPinch: boolean): number;
  /**
   * Puts a new vertex between the tail of one chain and the head of another, or of the same: then the ring is closed and
   * comes back as `[2 x + pinch, y, …]`, the first vertex not repeated.
   */
  join(tail: number, head: number, x: number, y: number, isPinch: boolean): Int32Array | undefined;
}

/** Starts with no chains. */
export function createVertexChains(): VertexChains {
  let capacity = 1024;
  let [xs, ys, next, otherEnd] = Array.from({ length: 4 }, () => new Int32Array(capacity)) as [
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
  ];
  let used = 0;
  let free = -1;

  const grow = (): void => {
    capacity *= 2;
    [xs, ys, next, otherEnd] = [xs, ys, next, otherEnd].map((old) => {
      const larger = new Int32Array(capacity);
      larger.set(old);
      return larger;
    }) as [Int32Array, Int32Array, Int32Array, Int32Array];
  };
  const create = (x: number, y: number, isPinch: boolean): number => {
    let node = free;
    if (node === -1) {
      if (used === capacity) grow();
      node = used++;
    } else free = next[node]!;
    xs[node] = 2 * x + (isPinch ? 1 : 0);
    ys[node] = y;
    next[node] = -1;
    otherEnd[node] = node;
    return node;
  };
  /** Copies a closed ring out and gives its places back. */
  const takeRing = (first: number): Int32Array => {
    let length = 0;
    let node = first;
    do {
      length++;
      node = next[node]!;
    } while (node !== first);
    const ring = new Int32Array(2 * length);
    for (let at = 0; at < ring.length; at += 2) {
      ring[at] = xs[node]!;
      ring[at + 1] = ys[node]!;
      const following = next[node]!;
      next[node] = free;
      free = node;
      node = following;
    }
    return ring;
  };

  return {
    start: create,
    append(tail, x, y, isPinch) {
      const node = create(x, y, isPinch);
      const head = otherEnd[tail]!;
      next[tail] = node;
      otherEnd[node] = head;
      otherEnd[head] = node;
      return node;
    },
    prepend(head, x, y, isPinch) {
      const node = create(x, y, isPinch);
      const tail = otherEnd[head]!;
      next[node] = head;
      otherEnd[node] = tail;
      otherEnd[tail] = node;
      return node;
    },
    join(tail, head, x, y, isPinch) {
      const node = create(x, y, isPinch);
      const isClosed = otherEnd[tail] === head;
      const firstHead = otherEnd[tail]!;
      const lastTail = otherEnd[head]!;
      next[tail] = node;
      next[node] = head;
      if (isClosed) return takeRing(node);
      otherEnd[firstHead] = lastTail;
      otherEnd[lastTail] = firstHead;
      return undefined;
    },
  };
}
