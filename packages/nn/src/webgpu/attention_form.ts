import type { AttentionWork } from "./attention_problem.js";
import { mostPerSlice, poolBytes, type RowTile } from "./attention_shader.js";
import { workgroupBytes } from "./dispatch.js";
import { formChoice } from "./form_choice.js";
import { attentionUnitsInUse } from "./half_precision.js";
import { type UnitAttentionShape, unitAttentionShapes } from "./matrix_unit_attention_shape.js";
import type { ShaderBackend } from "./shader.js";

/** One way to compute a pass of attention; all give the same numbers, up to the order of adding up and the precision asked for. */
export type AttentionForm =
  | { readonly kind: "single"; readonly tile: RowTile }
  | { readonly kind: "units"; readonly shape: UnitAttentionShape };

/** A form's name, the same in every process. */
export function attentionFormName(form: AttentionForm): string {
  if (form.kind === "single") return `single ${form.tile.rows} x ${form.tile.perSlice}`;
  const { subgroups, strips, keys } = form.shape;
  return `units ${subgroups}x${strips}x${keys}`;
}

/** Every form that the device can compute a pass in, the likely one first. */
export function attentionForms(backend: ShaderBackend, { problem, pass }: AttentionWork): AttentionForm[] {
  const bytes = workgroupBytes(backend);
  const { shape, queries, images, heads } = problem;
  const units = pass.half ? attentionUnitsInUse() : undefined;
  if (units) {
    const shapes = unitAttentionShapes({ width: shape.width, queries, heads: images * heads }, units, bytes);
    if (shapes.length > 0) return shapes.map((unitShape) => ({ kind: "units", shape: unitShape }));
  }
  const [likely, ...others] = rowTiles(shape.width);
  const fitting = others.filter((tile) => poolBytes({ ...shape, ...tile }) <= bytes);
  return [likely!, ...fitting].map((tile) => ({ kind: "single", tile }));
}

/** Tiles in single precision: fewer rows make more groups, more read the other side less often; short tiles take few registers. */
function rowTiles(width: number): RowTile[] {
  const tile = (rows: number): RowTile => ({ rows, perSlice: mostPerSlice({ width }, rows) });
  const likely = tile(64);
  const short = likely.perSlice > 1 ? [{ ...likely, perSlice: likely.perSlice >> 1 }] : [];
  return [likely, ...short, tile(128), tile(32)];
}

/** Who decides on the forms of attention's passes. */
export const attentionFormChoice = formChoice<AttentionWork, AttentionForm>(
  (backend, work) => attentionForms(backend, work)[0]!,
);
