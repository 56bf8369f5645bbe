import { type Epilogue, finishCode, isGated } from "./epilogue.js";
import { foldedGroup, foldedParameters } from "./folded_groups.js";
import {
  fragmentAt,
  isTurned,
  lineQuads,
  quadType,
  tileQuads,
  type UnitOperand,
  unitLoaderCode,
} from "./matrix_unit_loader.js";
import {
  flatIndex,
  fragmentEdge,
  type MatrixUnits,
  type OperandFragment,
  subgroupThreads,
} from "./matrix_units.js";
import type { OperandKind } from "./operand_loader.js";
import { repeat } from "./repeat.js";

/**
 * The matrix product on the GPU's matrix units (tensor cores): operands rounded to half precision, sums in single.
 *
 * Arithmetic: as `product_shader.ts`. A step of 16 along K of a tile of 128 x 128 brings 2 x 128 x 16 numbers for 2^19 FLOP. Of
 * eight subgroups each keeps 64 x 32 sums in eight fragments and reads 96 halves of workgroup memory for 2048 multiply-adds: 3 KB
 * for eight products of fragments, 24 cycles of a multiprocessor's workgroup memory (128 bytes) for 16 of its units at their
 * peak of 4096 FLOP, shared by the loads of the next tile; four subgroups of 64 x 64 read 64 halves for as many. Rounding an
 * operand to 11 bits gives relative errors of about 2^-11 / sqrt(K) of the product's scale. Not measured on hardware yet.
 *
 * Each operand lies in workgroup memory as it does in device memory, along K or along its outer axis, so that both are read and
 * written as vectors; the units turn what has to be turned. Lines are 16 bytes longer than they need be, against bank
 * conflicts. The next numbers are on their way while the present ones are multiplied; with two buffers there is one barrier a
 * step. In the end each subgroup passes its fragments one by one through workgroup memory to where threads add what follows
 * the product: 2 x 4 bytes a result, one barrier a fragment.
 */

/** How a workgroup shares a product out to its subgroups. */
export interface UnitShape {
  /** Results of a workgroup. */
  readonly rows: number;
  readonly cols: number;
  /** Subgroups along the rows and the columns. */
  readonly subgroupRows: number;
  readonly subgroupCols: number;
  /** Numbers along K of a step: a multiple of 16. */
  readonly depth: number;
  /** Tiles of each operand in workgroup memory: with two, one is filled while the other is multiplied. */
  readonly buffers: 1 | 2;
}

/** What one compiled product does; every combination is a shader of its own. */
export interface UnitVariant extends Epilogue {
  readonly shape: UnitShape;
  readonly a: OperandKind;
  readonly b: OperandKind;
  /** Operands are read as vectors along the axis that they run along. */
  readonly vectorA: boolean;
  readonly vectorB: boolean;
  /** The buffers of the operands hold halves. */
  readonly halfA: boolean;
  readonly halfB: boolean;
  /** As in `ProductVariant`. */
  readonly split: boolean;
}

/** Quads of a row of a staged fragment: one more than it has, against bank conflicts. */
const stageLine = fragmentEdge / 4 + 1;
const stageQuads = fragmentEdge * stageLine;

/** Threads of a workgroup. */
export function unitThreads({ subgroupRows, subgroupCols }: UnitShape): number {
  return subgroupThreads * subgroupRows * subgroupCols;
}

/** Workgroup memory that a variant takes, bytes. */
export function unitBytes(variant: UnitVariant, units: MatrixUnits): number {
  return memoryOf(variant, units, togetherOf(variant));
}

/** Fragments of a subgroup that are finished together: one, or that of the gates and that of the values. */
function togetherOf(variant: UnitVariant): 1 | 2 {
  return isGated(variant) ? 2 : 1;
}

function memoryOf(variant: UnitVariant, units: MatrixUnits, stages: number): number {
  const { depth, buffers } = variant.shape;
  const quads = operandsOf(variant).reduce((sum, operand) => sum + tileQuads(operand, depth), 0);
  return 4 * units.halfBytes * buffers * quads + (stages * 16 * stageQuads * unitThreads(variant.shape)) / 32;
}

function operandsOf(variant: UnitVariant): [UnitOperand, UnitOperand] {
  const { a, b, vectorA, vectorB, halfA, halfB, shape } = variant;
  const paired = isGated(variant) ? fragmentEdge : undefined;
  return [
    { name: "A", kind: a, vector: vectorA, half: halfA, tile: shape.rows },
    { name: "B", kind: b, vector: vectorB, half: halfB, tile: shape.cols, paired },
  ];
}

/** A short name of a variant, unique. */
export function unitKey({ shape, ...flags }: UnitVariant, units: MatrixUnits): string {
  const form = Object.values(shape).join("x");
  const names = Object.entries(flags).map(([name, value]) => (value === true ? name : value || ""));
  return `product_${units.name}_${form}_${names.join("_")}`;
}

/** WGSL of a product on matrix units; buffers as `productCode`. Twice the stages are used where `workgroupBytes` has room. */
export function unitCode(variant: UnitVariant, units: MatrixUnits, workgroupBytes: number): string {
  const { shape, split } = variant;
  const { depth, buffers } = shape;
  const operands = operandsOf(variant);
  const [rows, cols] = fragmentCounts(shape);
  const together = togetherOf(variant);
  const stages = memoryOf(variant, units, 2 * together) <= workgroupBytes ? 2 * together : together;
  const threads = unitThreads(shape);
  const memory = operands.map(
    (operand) =>
      `var<workgroup> tile${operand.name} : array<vec4<${units.half}>, ${buffers * tileQuads(operand, depth)}>;`,
  );
  return `
${units.declarations}
${memory.join("\n")}
var<workgroup> staged : array<vec4<f32>, ${(stages * stageQuads * threads) / subgroupThreads}>;
${operands.map((operand) => unitLoaderCode(operand, depth, units)).join("")}
${finishCode(variant)}

${units.attributes}
@compute @workgroup_size(${threads})
fn main(${foldedParameters}, @builtin(local_invocation_index) thread : u32) {
  ${units.enter}
  // Lines of groups: tiles of rows, for each product or part of a sum.
  let line = ${foldedGroup};
  let turn = line / uniforms.rowTiles;
  if (turn >= uniforms.turns) { return; }
  let rowBase = line % uniforms.rowTiles * ${shape.rows};
  let colBase = i32(group.x) * ${shape.cols};
  let startA = turn * uniforms.strideA;
  let startB = turn * uniforms.strideB;
  let startY = turn * uniforms.M * uniforms.N${isGated(variant) ? " / 2" : ""};
  let first = ${split ? "turn * uniforms.perSplit" : "0"};
  let last = ${split ? "min(uniforms.K, first + uniforms.perSplit)" : "uniforms.K"};
  let subgroup = thread / ${subgroupThreads}u;
  let ownRow = ${shape.rows / shape.subgroupRows}u * (subgroup / ${shape.subgroupCols}u);
  let ownCol = ${shape.cols / shape.subgroupCols}u * (subgroup % ${shape.subgroupCols}u);
  ${units.sums("sum", rows * cols)}
  ${mainLoop(variant, units, operands, threads)}
  ${ending(variant, units, stages)}
}
`;
}

/** Fragments of sums that a subgroup keeps. */
export function fragmentCounts({
  rows,
  cols,
  subgroupRows,
  subgroupCols,
}: UnitShape): [rows: number, cols: number] {
  return [rows / subgroupRows / fragmentEdge, cols / subgroupCols / fragmentEdge];
}

/**
 * WGSL: the sum over K. Each turn sends for the numbers of one step, multiplies those of the step before, and puts the new ones
 * into workgroup memory.
 */
function mainLoop(
  variant: UnitVariant,
  units: MatrixUnits,
  operands: readonly UnitOperand[],
  threads: number,
): string {
  const { depth, buffers } = variant.shape;
  const items = operands.map(({ tile }) => (tile * depth) / 4 / threads);
  const each = (code: (operand: UnitOperand, i: string) => string): string =>
    operands
      .map((operand, side) => repeat(items[side]!, "i", units.unroll, (i) => code(operand, i)))
      .join("\n    ");
  const arrays = operands.map(
    (operand, side) => `var next${operand.name} : array<${quadType(operand)}, ${items[side]}>;`,
  );
  return `${arrays.join("\n  ")}
  let steps = (last - first + ${depth - 1}) / ${depth};
  for (var step = 0; step <= steps; step++) {
    let deep = first + step * ${depth};
    ${each(({ name }, i) => {
      const base = name === "A" ? "rowBase" : "colBase";
      return `next${name}[${i}] = load${name}(start${name}, ${base}, deep, last, thread + ${i} * ${threads}u);`;
    })}
    if (step > 0) {
      let past = u32(step - 1) % ${buffers}u;
      for (var k = 0u; k < ${depth}u; k += ${fragmentEdge}u) {
        ${products(variant, units, operands)}
      }
    }
    let coming = u32(step) % ${buffers}u;
    ${buffers === 1 ? "// The step before has been read by all.\n    workgroupBarrier();" : ""}
    ${each((operand, i) => {
      const place = `coming * ${tileQuads(operand, depth)}u`;
      return `put${operand.name}(${place}, thread + ${i} * ${threads}u, next${operand.name}[${i}]);`;
    })}
    workgroupBarrier();
  }`;
}

/** WGSL: the products of fragments at `k` of the tiles in workgroup memory. */
function products(variant: UnitVariant, units: MatrixUnits, [a, b]: readonly UnitOperand[]): string {
  const { depth } = variant.shape;
  const [rows, cols] = fragmentCounts(variant.shape);
  const bring = (operand: UnitOperand, own: string, i: string): OperandFragment => {
    const side = operand.name === "A" ? units.left : units.right;
    return side(`${operand.name.toLowerCase()}${i}`, {
      memory: `tile${operand.name}`,
      at: `past * ${tileQuads(operand, depth)}u + ${fragmentAt(operand, depth, `${own} + ${fragmentEdge}u * ${i}`, "k")}`,
      stride: lineQuads(operand, depth),
      turned: isTurned(operand),
    });
  };
  const left = (row: string): OperandFragment => bring(a!, "ownRow", row);
  const right = (col: string): OperandFragment => bring(b!, "ownCol", col);
  return [
    units.bring(rows, left),
    units.bring(cols, right),
    repeat(rows, "row", units.unroll, (row) =>
      repeat(cols, "col", units.unroll, (col) =>
        units.multiply(units.sumAt("sum", flatIndex(row, col, cols)), left(row), right(col)),
      ),
    ),
  ].join("\n        ");
}

/** WGSL: passes the fragments through workgroup memory to `finish`, or gates and values two by two to `finishPair`. */
function ending(variant: UnitVariant, units: MatrixUnits, stages: number): string {
  const [rows, cols] = fragmentCounts(variant.shape);
  const together = togetherOf(variant);
  const step = (stageQuads * unitThreads(variant.shape)) / subgroupThreads;
  const turns = stages / together;
  const finish = isGated(variant)
    ? `finishPair(startY, row + i32(line), col / 2 + i32(4u * quad), staged[at], staged[at + ${step}u]);`
    : "finish(startY, row + i32(line), col + i32(4u * quad), staged[at]);";
  return repeat((rows * cols) / together, "i", units.unroll, (i) => {
    const put = (one: number): string => {
      const sum = units.sumAt("sum", flatIndex(i, `${one}u`, together));
      return units.store(sum, { memory: "staged", at: `stage + ${one * step}u`, stride: stageLine });
    };
    return `{
    let stage = ${i} % ${turns}u * ${together * step}u + subgroup * ${stageQuads}u;
    ${turns === 1 ? "workgroupBarrier();" : ""}
    ${together === 1 ? put(0) : `${put(0)}\n    ${put(1)}`}
    workgroupBarrier();
    let row = rowBase + i32(ownRow + ${fragmentEdge}u * (${together}u * ${i} / ${cols}u));
    let col = colBase + i32(ownCol + ${fragmentEdge}u * (${together}u * ${i} % ${cols}u));
    for (var part = 0u; part < 2u; part++) {
      let line = 8u * part + thread % ${subgroupThreads}u / 4u;
      let quad = thread % 4u;
      let at = stage + line * ${stageLine}u + quad;
      ${finish}
    }
  }`;
  });
}
