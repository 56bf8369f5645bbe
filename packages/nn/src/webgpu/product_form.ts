import { isHardware, workgroupBytes } from "./dispatch.js";
import { isGated, resultColumns } from "./epilogue.js";
import { matrixUnitsInUse } from "./half_precision.js";
import { readsVectors } from "./matrix_unit_loader.js";
import {
  fragmentCounts,
  type UnitShape,
  type UnitVariant,
  unitBytes,
  unitCode,
  unitKey,
} from "./matrix_unit_shader.js";
import type { MatrixUnits } from "./matrix_units.js";
import type { OperandKind } from "./operand_loader.js";
import type { ProductProblem } from "./product_problem.js";
import { type ProductTile, type ProductVariant, productCode, variantKey, vectorB } from "./product_shader.js";
import { splitsFor } from "./product_splits.js";
import type { ShaderBackend } from "./shader.js";

/**
 * One way to compute a product; all give the same numbers, up to the order of adding up and the precision asked for. `splits` is
 * the number of parts of the sum over K, which a second pass adds; default 1.
 */
export type ProductForm = { readonly splits?: number } & (
  | { readonly kind: "single"; readonly tile: ProductTile }
  | { readonly kind: "units"; readonly shape: UnitShape }
);

/** A form's name, the same in every process. */
export function formName(form: ProductForm): string {
  const { kind, splits = 1 } = form;
  const sizes = Object.values(form.kind === "single" ? form.tile : form.shape).join("x");
  return `${kind} ${sizes}${splits > 1 ? ` in ${splits}` : ""}`;
}

/** The shader of a product in one form. */
export interface ProductShader {
  readonly key: string;
  readonly extensions: readonly string[];
  /** Whether the buffers of the operands are read as vectors of four. */
  readonly vectorA: boolean;
  readonly vectorB: boolean;
  readonly code: () => string;
  /** Results of a workgroup. */
  readonly rows: number;
  readonly cols: number;
}

/** The shader for a problem in a form. */
export function shaderOf(backend: ShaderBackend, problem: ProductProblem, form: ProductForm): ProductShader {
  const { kindA: a, kindB: b, m, halfA, halfB, end } = problem;
  const split = (form.splits ?? 1) > 1;
  if (form.kind === "units") {
    const units = matrixUnitsInUse()!;
    const variant = unitVariant(problem, form.shape, split);
    return {
      key: unitKey(variant, units),
      extensions: units.extensions,
      vectorA: variant.vectorA,
      vectorB: variant.vectorB,
      code: () => unitCode(variant, units, workgroupBytes(backend)),
      rows: form.shape.rows,
      cols: form.shape.cols,
    };
  }
  const { tile } = form;
  const vectorM = a === "outer" && m % 4 === 0;
  const variant: ProductVariant = {
    ...{ ...tile, a, b, vectorM, halfA, halfB, split, unroll: isHardware(backend) },
    ...end,
  };
  return {
    key: variantKey(variant),
    extensions: [],
    vectorA: vectorM,
    vectorB: vectorB(variant),
    code: () => productCode(variant),
    ...tile,
  };
}

function unitVariant(problem: ProductProblem, shape: UnitShape, split = false): UnitVariant {
  const { kindA, kindB, m, n, k, halfA, halfB, sizes, end } = problem;
  const size = (name: "C" | "O"): number => sizes.find(([known]) => known === name)?.[2] ?? 1;
  const vector = (kind: OperandKind, outer: number): boolean => readsVectors(kind, outer, k, size, split);
  const vectors = { vectorA: vector(kindA, m), vectorB: vector(kindB, resultColumns(n, end)) };
  return { shape, a: kindA, b: kindB, ...vectors, halfA, halfB, split, ...end };
}

/** Groups that keep a large GPU busy: with fewer of the large tiles, more of the small ones are better. */
const busyGroups = 128;

/** Results of a workgroup. */
interface TileSize {
  readonly rows: number;
  readonly cols: number;
}

function groupsOf({ m, n, batch }: ProductProblem, { rows, cols }: TileSize): number {
  return Math.ceil(m / rows) * Math.ceil(n / cols) * batch;
}

/** Shapes of the matrix units' product, those for large products first. */
export const unitShapes: readonly UnitShape[] = [
  { rows: 128, cols: 128, subgroupRows: 2, subgroupCols: 4, depth: 32, buffers: 1 },
  { rows: 128, cols: 128, subgroupRows: 2, subgroupCols: 4, depth: 16, buffers: 2 },
  { rows: 128, cols: 128, subgroupRows: 2, subgroupCols: 2, depth: 32, buffers: 1 },
  { rows: 128, cols: 128, subgroupRows: 2, subgroupCols: 4, depth: 16, buffers: 1 },
  { rows: 256, cols: 128, subgroupRows: 4, subgroupCols: 2, depth: 16, buffers: 1 },
  { rows: 128, cols: 64, subgroupRows: 4, subgroupCols: 1, depth: 32, buffers: 1 },
  { rows: 64, cols: 64, subgroupRows: 2, subgroupCols: 2, depth: 32, buffers: 2 },
  { rows: 64, cols: 64, subgroupRows: 2, subgroupCols: 2, depth: 16, buffers: 1 },
];

/** Tiles in single precision; the square ones are likely to be best, those between win where neither has the right count of groups. */
const singleTiles: readonly ProductTile[] = [
  { rows: 64, cols: 64 },
  { rows: 128, cols: 64 },
  { rows: 64, cols: 128 },
  { rows: 128, cols: 128 },
];

/** Every form that the device can compute a problem in; a gated one keeps gates and their values together. */
export function formsOf(backend: ShaderBackend, problem: ProductProblem): ProductForm[] {
  const units = matrixUnitsInUse();
  if (problem.half && units) {
    return unitShapes
      .filter((shape) => !isGated(problem.end) || fragmentCounts(shape)[1] % 2 === 0)
      .filter((shape) => fits(backend, unitVariant(problem, shape), units))
      .flatMap((shape) => withParts(problem, { kind: "units", shape }, shape));
  }
  return singleTiles
    .filter(({ cols }) => !isGated(problem.end) || cols === 128)
    .flatMap((tile) => withParts(problem, { kind: "single", tile }, tile));
}

/** A form, and the same in parts where its results give few groups and its tile is one of the likely ones. */
function withParts(problem: ProductProblem, form: ProductForm, tile: TileSize): ProductForm[] {
  const isLikely = tile.rows === tile.cols && (form.kind === "single" || tile.rows === 64);
  const splits = isLikely ? splitsFor(problem, groupsOf(problem, tile)) : 1;
  return splits > 1 ? [form, { ...form, splits }] : [form];
}

function fits(backend: ShaderBackend, variant: UnitVariant, units: MatrixUnits): boolean {
  return unitBytes(variant, units) <= workgroupBytes(backend);
}

/** The form that is likely to be fastest: large tiles where there are groups enough of them, parts of small ones where there are few. */
export function likelyForm(backend: ShaderBackend, problem: ProductProblem): ProductForm {
  const { m, n } = problem;
  const forms = formsOf(backend, problem);
  const large = groupsOf(problem, { rows: 128, cols: 128 }) >= busyGroups && m > 64 && n > 64;
  const units = forms.filter((form) => form.kind === "units");
  if (units.length > 0) return units.find(({ shape }) => large || shape.rows <= 64) ?? units[0]!;
  const edge = large ? 128 : 64;
  const tile: ProductTile = { rows: edge, cols: isGated(problem.end) ? 128 : edge };
  const groups = groupsOf(problem, tile);
  const splits = groups < busyGroups ? splitsFor(problem, groups) : 1;
  // Two parts hardly gain what a second pass takes to begin.
  return { kind: "single", tile, ...(splits > 2 && { splits }) };
}
