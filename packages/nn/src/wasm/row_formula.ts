import type { RowArithmetic, RowFormula } from "../ops/row_formula.js";
import type { WasmKernel } from "./override.js";

type Row = readonly number[];

const at = (a: Row | number, place: number): number => (typeof a === "number" ? a : a[place]!);

/** In double precision. */
function arithmeticOf(places: number): RowArithmetic<Row> {
  const each = (value: (place: number) => number): Row => Array.from({ length: places }, (_, k) => value(k));
  return {
    add: (a, b) => each((k) => at(a, k) + at(b, k)),
    sub: (a, b) => each((k) => at(a, k) - at(b, k)),
    mul: (a, b) => each((k) => at(a, k) * at(b, k)),
    div: (a, b) => each((k) => at(a, k) / at(b, k)),
    max: (a, b) => each((k) => Math.max(at(a, k), at(b, k))),
    pow: (a, exponent) => a.map((value) => value ** exponent),
    sqrt: (a) => a.map(Math.sqrt),
    log: (a) => a.map(Math.log),
    atLeast: (a, b) => each((k) => Number(at(a, k) >= at(b, k))),
    above: (a, b) => each((k) => Number(at(a, k) > at(b, k))),
    sum: (a) => {
      const total = a.reduce((sum, value) => sum + value, 0);
      return each(() => total);
    },
    row: (numbers) => numbers,
  };
}

/** `GlofRowFormula`: the numbers lie in memory, and JavaScript is as fast at so few as any kernel. */
export const rowFormula: WasmKernel = {
  name: "GlofRowFormula",
  compute: ({ heap, inputs, attrs }) => {
    const rows = inputs.rows!;
    const [count, places] = rows.shape as [number, number];
    const given = Array.from({ length: count }, (_, r) => [
      ...new Float32Array(heap.bytes().buffer, heap.address(rows) + 4 * r * places, places),
    ]);
    const [head, ...others] = (attrs.formula as unknown as RowFormula)(arithmeticOf(places), given);
    const first = heap.output([], "float32");
    const rest = heap.output([others.length, places], "float32");
    const memory = heap.bytes().buffer;
    new Float32Array(memory, heap.address(first), 1).set([head![0]!]);
    new Float32Array(memory, heap.address(rest), others.length * places).set(others.flat());
    return [first, rest];
  },
};
