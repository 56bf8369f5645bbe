import type { Envelope } from "./geometry_blob.js";

/** What SQLite's R-tree module keeps in its three shadow tables. */
export interface RtreeRows {
  /** `_node`: number and bytes of each node; node 1 is the root. */
  readonly nodes: readonly (readonly [node: number, bytes: Uint8Array])[];
  /** `_parent`: the node above each node but the root. */
  readonly parents: readonly (readonly [node: number, parent: number])[];
  /** `_rowid`: the leaf that holds each entry. */
  readonly rowids: readonly (readonly [rowid: number, node: number])[];
}

/** A row of the indexed table and the rectangle around its shape. */
export interface RtreeEntry {
  readonly id: number;
  readonly envelope: Envelope;
}

/** Cells of a node, and their bytes: SQLite's own choice for two dimensions and pages of 4096 bytes. */
const cellsPerNode = 51;
const cellBytes = 24;
const nodeBytes = 4 + cellsPerNode * cellBytes;

/**
 * An R-tree in the node format of SQLite's `rtree` module (sqlite.org/rtree.html, "Shadow tables"; ext/rtree/rtree.c),
 * packed in one go by sort-tile-recursive (Leutenegger, Lopez and Edgington 1997): a column of tiles by x, then by y.
 * SQLite opens, searches and changes it like one it made itself.
 */
export function packRtree(entries: readonly RtreeEntry[]): RtreeRows {
  let level: readonly RtreeEntry[] = entries.map(({ id, envelope }) => ({
    id,
    envelope: toFloats(envelope),
  }));
  const rows = {
    nodes: [] as [number, Uint8Array][],
    parents: [] as [number, number][],
    rowids: [] as [number, number][],
  };
  let nextNode = 2;
  for (let depth = 0; ; depth++) {
    const isRoot = level.length <= cellsPerNode;
    const groups = isRoot ? [level] : tiles(level);
    const above = groups.map((group): RtreeEntry => {
      const node = isRoot ? 1 : nextNode++;
      for (const { id } of group) (depth === 0 ? rows.rowids : rows.parents).push([id, node]);
      rows.nodes.push([node, formatNode(group, isRoot ? depth : 0)]);
      return { id: node, envelope: group.map(({ envelope }) => envelope).reduce(union, nothing) };
    });
    if (isRoot) return rows;
    level = above;
  }
}

/** Nearly square tiles of at most `cellsPerNode` entries. */
function tiles(entries: readonly RtreeEntry[]): RtreeEntry[][] {
  const columns = Math.ceil(Math.sqrt(entries.length / cellsPerNode));
  const perColumn = Math.ceil(entries.length / columns);
  const alongX = [...entries].sort((a, b) => middle(a, 0) - middle(b, 0));
  const groups: RtreeEntry[][] = [];
  for (let start = 0; start < alongX.length; start += perColumn) {
    const column = alongX.slice(start, start + perColumn).sort((a, b) => middle(a, 2) - middle(b, 2));
    for (let at = 0; at < column.length; at += cellsPerNode) groups.push(column.slice(at, at + cellsPerNode));
  }
  return groups;
}

const middle = ({ envelope }: RtreeEntry, axis: 0 | 2): number => envelope[axis]! + envelope[axis + 1]!;

const nothing: Envelope = [Infinity, -Infinity, Infinity, -Infinity];

const union = (a: Envelope, b: Envelope): Envelope => [
  Math.min(a[0], b[0]),
  Math.max(a[1], b[1]),
  Math.min(a[2], b[2]),
  Math.max(a[3], b[3]),
];

/** Height of the tree above the leaves (of the root only), number of cells, then cells: id and rectangle, big-endian. */
function formatNode(cells: readonly RtreeEntry[], depth: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(nodeBytes));
  view.setUint16(0, depth);
  view.setUint16(2, cells.length);
  cells.forEach(({ id, envelope }, index) => {
    const at = 4 + index * cellBytes;
    view.setBigInt64(at, BigInt(id));
    envelope.forEach((bound, side) => {
      view.setFloat32(at + 8 + 4 * side, bound);
    });
  });
  return new Uint8Array(view.buffer);
}

/** The next larger rectangle of 32-bit numbers, rounded as rtree.c does. */
const toFloats = ([minX, maxX, minY, maxY]: Envelope): Envelope => [
  roundDown(minX),
  -roundDown(-maxX),
  roundDown(minY),
  -roundDown(-maxY),
];

function roundDown(value: number): number {
  const near = Math.fround(value);
  return near > value ? Math.fround(value * (value < 0 ? 1 + 2 ** -23 : 1 - 2 ** -23)) : near;
}
