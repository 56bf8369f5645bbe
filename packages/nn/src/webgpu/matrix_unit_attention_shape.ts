import { fragmentEdge, type MatrixUnits, subgroupThreads } from "./matrix_units.js";

/** How a workgroup walks the keys. */
export interface UnitAttentionShape {
  /** Numbers per row and head: a multiple of 16. */
  readonly width: number;
  readonly subgroups: number;
  /** Rows of fragments, 16 queries each, that a subgroup keeps. */
  readonly strips: 1 | 2;
  /** Keys of a tile: a multiple of 16. */
  readonly keys: number;
}

/** Quads added to each line. */
const pad = 2;

/** Queries of a workgroup. */
export function queriesOf({ subgroups, strips }: UnitAttentionShape): number {
  return fragmentEdge * subgroups * strips;
}

/** Sizes that follow from a shape. */
export interface UnitAttentionSizes {
  readonly queries: number;
  readonly threads: number;
  /** Quads from line to line: of queries; of keys and values; of scores and weights. */
  readonly queryLine: number;
  readonly keyLine: number;
  readonly scoreLine: number;
  /** Quads of all operands, and where the queries begin. */
  readonly operandQuads: number;
  readonly queryAt: number;
}

/** The sizes of a shape. */
export function sizesOf(shape: UnitAttentionShape, units: MatrixUnits): UnitAttentionSizes {
  const queries = queriesOf(shape);
  const queryLine = shape.width / 4;
  const keyLine = shape.width / 4 + pad;
  const [ofQueries, ofKeys] = [queries * queryLine, 2 * shape.keys * keyLine];
  return {
    queries,
    threads: subgroupThreads * shape.subgroups,
    queryLine,
    keyLine,
    scoreLine: shape.keys / 4 + pad,
    // Fragments that are kept in registers leave their memory to the keys.
    operandQuads: units.keepsOperands ? Math.max(ofQueries, ofKeys) : ofQueries + ofKeys,
    queryAt: units.keepsOperands ? 0 : ofKeys,
  };
}

/** Workgroup memory that a shape takes, bytes. */
export function unitAttentionBytes(shape: UnitAttentionShape, units: MatrixUnits): number {
  const { operandQuads, queries, scoreLine } = sizesOf(shape, units);
  return 4 * units.halfBytes * (operandQuads + queries * scoreLine) + 16 * queries * scoreLine + 16;
}

/** Shapes for a width, the likely ones first: more queries a group read the keys less often, fewer make more groups. */
function candidates(width: number, many: boolean): UnitAttentionShape[] {
  const large = [32, 16].map((keys) => ({ width, subgroups: 4, strips: 2 as const, keys }));
  const small = [4, 2, 1].flatMap((subgroups) =>
    [32, 16].map((keys) => ({ width, subgroups, strips: 1 as const, keys })),
  );
  return many ? [...large, ...small] : [...small, ...large];
}

/** Workgroups of 128 queries that keep a large GPU busy. */
const busyGroups = 512;

/** The shapes that heads of a width can be computed in, the likely one first; none where the units cannot take it. */
export function unitAttentionShapes(
  { width, queries, heads }: { width: number; queries: number; heads: number },
  units: MatrixUnits,
  workgroupBytes: number,
): UnitAttentionShape[] {
  if (width % fragmentEdge !== 0) return [];
  const many = Math.ceil(queries / 128) * heads >= busyGroups;
  return candidates(width, many).filter((shape) => unitAttentionBytes(shape, units) <= workgroupBytes);
}
