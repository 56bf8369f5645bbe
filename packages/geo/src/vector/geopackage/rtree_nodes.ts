import type { Envelope } from "./geometry_blob.js";

/** Rectangles of rows, each with the row's id, in little memory. */
export interface BoxList {
  readonly count: number;
  /** Ids of the rows, rising; at least `count` of them. */
  readonly ids: Uint32Array;
  /** [minX, maxX, minY, maxY] of each, rounded outwards to 32-bit numbers. */
  readonly bounds: Float32Array;
}

/** A list of rectangles that grows. */
export interface GrowingBoxList extends BoxList {
  add(id: number, envelope: Envelope): void;
}

/** What SQLite's R-tree module keeps in its three shadow tables. */
export interface RtreeRows {
  /** `_node`: bytes of node 1 (the root), 2, 3, …. */
  readonly nodes: readonly Uint8Array[];
  /** `_parent`: the node above node 1, 2, 3, …; 0 above the root. */
  readonly parents: readonly number[];
  /** `_rowid`: the leaf that holds each row of the list. */
  readonly leaves: Uint32Array;
}

/** Cells of a node, and their bytes: SQLite's own choice for two dimensions and pages of 4096 bytes. */
const cellsPerNode = 51;
const cellBytes = 24;
const nodeBytes = 4 + cellsPerNode * cellBytes;

/** Starts an empty list. */
export function createBoxList(): GrowingBoxList {
  let count = 0;
  let ids = new Uint32Array(64);
  let bounds = new Float32Array(4 * 64);
  return {
    get count() {
      return count;
    },
    get ids() {
      return ids;
    },
    get bounds() {
      return bounds;
    },
    add(id, [minX, maxX, minY, maxY]) {
      if (count === ids.length) [ids, bounds] = [doubled(ids), doubled(bounds)];
      ids[count] = id;
      bounds[4 * count] = roundDown(minX);
      bounds[4 * count + 1] = -roundDown(-maxX);
      bounds[4 * count + 2] = roundDown(minY);
      bounds[4 * count + 3] = -roundDown(-maxY);
      count++;
    },
  };
}

function doubled<T extends Uint32Array | Float32Array>(old: T): T {
  const larger = new (old.constructor as new (length: number) => T)(2 * old.length);
  larger.set(old);
  return larger;
}

/**
 * An R-tree in the node format of SQLite's `rtree` module (sqlite.org/rtree.html, "Shadow tables"; ext/rtree/rtree.c),
 * packed in one go by sort-tile-recursive (Leutenegger, Lopez and Edgington 1997): a column of tiles by x, then by y.
 * SQLite opens, searches and changes it like one it made itself.
 */
export function packRtree(boxes: BoxList): RtreeRows {
  const leaves = new Uint32Array(boxes.count);
  const parents: number[] = [0];
  const nodes: Uint8Array[] = [new Uint8Array(nodeBytes)];
  let level = boxes;
  for (let depth = 0; ; depth++) {
    const isRoot = level.count <= cellsPerNode;
    const groups = isRoot ? [Uint32Array.from({ length: level.count }, (_, index) => index)] : tiles(level);
    const above = {
      count: groups.length,
      ids: new Uint32Array(groups.length),
      bounds: nowhere(groups.length),
    };
    groups.forEach((group, index) => {
      const node = isRoot ? 1 : nodes.length + 1;
      for (const member of group) {
        if (depth === 0) leaves[member] = node;
        else parents[level.ids[member]! - 1] = node;
        widen(above.bounds, index, level.bounds, member);
      }
      above.ids[index] = node;
      nodes[node - 1] = formatNode(level, group, isRoot ? depth : 0);
    });
    if (isRoot) return { nodes, parents, leaves };
    level = above;
  }
}

/** Nearly square tiles of at most `cellsPerNode` rectangles, as places in the list. */
function tiles({ count, bounds }: BoxList): Uint32Array[] {
  const middles = (axis: 0 | 2): Float64Array =>
    Float64Array.from(
      { length: count },
      (_, index) => bounds[4 * index + axis]! + bounds[4 * index + axis + 1]!,
    );
  const [xs, ys] = [middles(0), middles(2)];
  const columns = Math.ceil(Math.sqrt(count / cellsPerNode));
  const perColumn = Math.ceil(count / columns);
  const order = Uint32Array.from(xs, (_, index) => index).sort((a, b) => xs[a]! - xs[b]!);
  const groups: Uint32Array[] = [];
  for (let start = 0; start < count; start += perColumn) {
    const column = order.subarray(start, start + perColumn).sort((a, b) => ys[a]! - ys[b]!);
    for (let at = 0; at < column.length; at += cellsPerNode)
      groups.push(column.subarray(at, at + cellsPerNode));
  }
  return groups;
}

/** Rectangles that hold nothing yet. */
function nowhere(count: number): Float32Array {
  return Float32Array.from({ length: 4 * count }, (_, side) => (side % 2 === 0 ? Infinity : -Infinity));
}

function widen(whole: Float32Array, index: number, bounds: Float32Array, member: number): void {
  for (let side = 0; side < 4; side++) {
    const [known, own] = [whole[4 * index + side]!, bounds[4 * member + side]!];
    if (side % 2 === 0 ? own < known : own > known) whole[4 * index + side] = own;
  }
}

/** Height of the tree above the leaves (of the root only), number of cells, then cells: id and rectangle, big-endian. */
function formatNode({ ids, bounds }: BoxList, group: Uint32Array, depth: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(nodeBytes));
  view.setUint16(0, depth);
  view.setUint16(2, group.length);
  for (let cell = 0; cell < group.length; cell++) {
    const at = 4 + cell * cellBytes;
    const member = group[cell]!;
    view.setUint32(at + 4, ids[member]!);
    for (let side = 0; side < 4; side++) view.setFloat32(at + 8 + 4 * side, bounds[4 * member + side]!);
  }
  return new Uint8Array(view.buffer);
}

/** The next smaller 32-bit number, rounded as rtree.c does. */
function roundDown(value: number): number {
  const near = Math.fround(value);
  return near > value ? Math.fround(value * (value < 0 ? 1 + 2 ** -23 : 1 - 2 ** -23)) : near;
}
