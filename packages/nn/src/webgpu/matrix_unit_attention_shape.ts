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

/** Shapes for a width, the fastest first: more queries a group read the keys less often, fewer make more groups. */
function candidates(width: number, many: boolean): UnitAttentionShape[] {
  const large = [32, 16].map((keys) => ({ width, subgroups: 4, strips: 2 as const, keys }));
  const small = [4, 2, 1].flatMap((subgroups) =>
    [32, 16].map((keys) => ({ width, subgroups, strips: 1 as const, keys })),
  );
  return many ? [...large, ...small] : small;
}

/** Workgroups of 128 queries that keep a large GPU busy. */
const busyGroups = 512;

let forced: UnitAttentionShape | undefined;

/** Takes a shape where it fits the width, while `work` starts. */
export function withUnitAttentionShape<T>(shape: UnitAttentionShape, work: () => T): T {
  forced = shape;
  try {
    return work();
  } finally {
    forced = undefined;
  }
}

/** The shape for heads of a width, or undefined where the units cannot take it. */
export function unitAttentionShape(
  { width, queries, heads }: { width: number; queries: number; heads: number },
  units: MatrixUnits,
  workgroupBytes: number,
): UnitAttentionShape | undefined {
  if (width % fragmentEdge !== 0) return undefined;
  if (forced?.width === width) return forced;
  const many = Math.ceil(queries / 128) * heads >= busyGroups;
  return candidates(width, many).find((shape) => unitAttentionBytes(shape, units) <= workgroupBytes);
}
