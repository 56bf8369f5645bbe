import { pairedColumnCode } from "./gated_pairs.js";
import type { MatrixUnits } from "./matrix_units.js";
import {
  type BufferReader,
  bufferReader,
  elementCode,
  type OperandKind,
  runsAlongOuter,
} from "./operand_loader.js";

/** An operand of the product on matrix units: its buffer is the lower-case letter. */
export interface UnitOperand {
  readonly name: "A" | "B";
  readonly kind: OperandKind;
  /** Its buffer holds vectors of four numbers, and every four that a thread reads are one of them. */
  readonly vector: boolean;
  /** The buffer holds halves; see `half_storage.ts`. */
  readonly half: boolean;
  /** Rows of A, or columns of B, in a workgroup's tile. */
  readonly tile: number;
  /** As in `Operand`. */
  readonly paired?: number | undefined;
}

/** Quads added to each line of a tile: 16 bytes, so that eight lines that are read at once lie in different banks. */
const padQuads = 2;

/** Quads from one line of the tile to the next: lines run along K, or along the outer axis, as the operand does in memory. */
export function lineQuads({ kind, tile }: UnitOperand, depth: number): number {
  return (runsAlongOuter(kind) ? tile : depth) / 4 + padQuads;
}

/** Quads of one tile. */
export function tileQuads(operand: UnitOperand, depth: number): number {
  return (runsAlongOuter(operand.kind) ? depth : operand.tile) * lineQuads(operand, depth);
}

/** Whether vectors of four may be read, given the sizes that the kind reads by. */
export function readsVectors(
  kind: OperandKind,
  outer: number,
  k: number,
  size: (name: "C" | "O") => number,
  split: boolean,
): boolean {
  // A part of the sum may end within a vector along K.
  if (split && !runsAlongOuter(kind)) return false;
  const along = { deep: k, outer, patches: size("C"), taps: size("C"), spread: size("O"), filter: size("O") };
  return along[kind] % 4 === 0;
}

/** WGSL expression: the quad of a tile where the 16 x 16 operand fragment begins. */
export function fragmentAt(operand: UnitOperand, depth: number, outer: string, k: string): string {
  const line = lineQuads(operand, depth);
  return runsAlongOuter(operand.kind)
    ? `(${k}) * ${line}u + (${outer}) / 4u`
    : `(${outer}) * ${line}u + (${k}) / 4u`;
}

/** Whether the fragments of the operand lie column by column. */
export function isTurned({ name, kind }: UnitOperand): boolean {
  return runsAlongOuter(kind) === (name === "A");
}

/** WGSL type of a quad on its way: as it lies in the buffer, so that packed halves stay what they are. */
export function quadType({ half, vector }: UnitOperand): "vec2<u32>" | "vec4<f32>" {
  return half && vector ? "vec2<u32>" : "vec4<f32>";
}

/**
 * WGSL: `load<name>(start, base, deep, last, item)` brings quad `item` of a tile, zeros past the ends; `put<name>(place, four)`
 * puts it as halves where `placeOf<name>(item)` says.
 */
export function unitLoaderCode(operand: UnitOperand, depth: number, units: MatrixUnits): string {
  const { name, kind, vector, half, tile, paired } = operand;
  const outer = name === "A" ? "uniforms.M" : "uniforms.N";
  const along = runsAlongOuter(kind);
  const perLine = (along ? tile : depth) / 4;
  const type = quadType(operand);
  const buffer = name.toLowerCase();
  const isPacked = type === "vec2<u32>";
  const reader: BufferReader = isPacked
    ? { type, at: (index) => `${buffer}[(${index}) / 4]` }
    : bufferReader(buffer, half, vector);
  const one = (i: number): string => {
    const [o, k] = along ? [`outer + ${i}`, "k"] : ["outer", `k + ${i}`];
    return `if (${o} < ${outer} && ${k} < last) { four.${"xyzw"[i]} = element${name}(start, ${o}, ${k}); }`;
  };
  const body = vector
    ? `if (outer < ${outer} && k < last) { four = element${name}(start, outer, k); }`
    : [0, 1, 2, 3].map(one).join("\n  ");
  const place = `base + ${along ? "step" : "line"}`;
  return `
${paired === undefined ? "" : pairedColumnCode(paired)}
${elementCode(name, kind, outer, reader)}
fn load${name}(start : i32, base : i32, deep : i32, last : i32, item : u32) -> ${type} {
  let line = i32(item / ${perLine}u);
  let step = i32(4u * (item % ${perLine}u));
  let outer = ${paired === undefined ? place : `pairedColumn(${place})`};
  let k = deep + ${along ? "line" : "step"};
  var four = ${type}();
  ${body}
  return four;
}
fn put${name}(place : u32, item : u32, four : ${type}) {
  tile${name}[place + item / ${perLine}u * ${lineQuads(operand, depth)}u + item % ${perLine}u] = ${isPacked ? units.fromPacked("four") : units.toHalves("four")};
}
`;
}
