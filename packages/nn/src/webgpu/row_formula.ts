import type { RowArithmetic, RowFormula } from "../ops/row_formula.js";
import { dispatch } from "./dispatch.js";
import type { WebgpuKernel } from "./kernel.js";

/**
 * A formula on rows of a few numbers as one shader: a thread per place, a line per operation. It does next to no work; as
 * TensorFlow.js's operations it would be as many dispatches as it has operations, some 90 microseconds of the processor's time each.
 */

/** Rows are names of the shader's variables; every operation adds a line to it. */
function writer(lines: string[]): RowArithmetic<string> {
  const line = (expression: string): string => {
    const name = `v${lines.length}`;
    lines.push(`let ${name} = ${expression};`);
    return name;
  };
  const text = (a: string | number): string => (typeof a === "string" ? a : `f32(${a})`);
  const between =
    (operator: string) =>
    (a: string | number, b: string | number): string =>
      line(`${text(a)} ${operator} ${text(b)}`);
  const compared = (operator: string) => (a: string | number, b: string | number) =>
    line(`select(0.0, 1.0, ${text(a)} ${operator} ${text(b)})`);
  return {
    add: between("+"),
    sub: between("-"),
    mul: between("*"),
    div: between("/"),
    max: (a, b) => line(`max(${text(a)}, ${text(b)})`),
    pow: (a, exponent) => line(`pow(${a}, ${text(exponent)})`),
    sqrt: (a) => line(`sqrt(${a})`),
    log: (a) => line(`log(${a})`),
    atLeast: compared(">="),
    above: compared(">"),
    sum: (a) => line(`total(${a}, thread)`),
    row: (numbers) => {
      const table = `t${lines.length}`;
      lines.push(`var ${table} = array<f32, ${numbers.length}>(${numbers.map(text).join(", ")});`);
      return line(`${table}[k]`);
    },
  };
}

/** The statements of a formula on `count` rows. */
function bodyOf(formula: RowFormula, count: number): { body: string; results: number } {
  const lines: string[] = [];
  const given = Array.from({ length: count }, (_, r) => {
    lines.push(`let v${r} = rows[${r} * uniforms.places + k];`);
    return `v${r}`;
  });
  const [first, ...rest] = formula(writer(lines), given);
  const stores = rest.map((name, s) => `rest[${s} * uniforms.places + k] = ${name};`);
  const end = `if (i32(thread) >= uniforms.places) { return; }
  if (thread == 0u) { first[0] = ${first}; }`;
  return { body: [...lines, end, ...stores].join("\n  "), results: rest.length };
}

const code = (threads: number, body: string): string => `
var<workgroup> places : array<f32, ${threads}>;

fn total(value : f32, thread : u32) -> f32 {
  workgroupBarrier();
  places[thread] = value;
  workgroupBarrier();
  var sum = 0.0;
  for (var k = 0; k < uniforms.places; k++) { sum += places[k]; }
  return sum;
}

@compute @workgroup_size(${threads})
fn main(@builtin(local_invocation_index) thread : u32) {
  let k = min(i32(thread), uniforms.places - 1);
  ${body}
}
`;

/** `GlofRowFormula`: one dispatch. */
export const rowFormulaKernel: WebgpuKernel = {
  name: "GlofRowFormula",
  compute: ({ backend, inputs, attributes }) => {
    const [count, places] = inputs.rows!.shape as [number, number];
    const { body, results } = bodyOf(attributes.formula as RowFormula, count);
    const threads = places > 32 ? 256 : 32;
    return dispatch(backend, {
      key: `row_formula_${threads} ${body}`,
      outputs: [
        { name: "first", element: "f32", into: [] },
        { name: "rest", element: "f32", into: [results, places] },
      ],
      inputs: [{ name: "rows", element: "f32", tensor: inputs.rows! }],
      uniforms: [["places", "i32", places]],
      code: () => code(threads, body),
      groups: [1, 1, 1],
    });
  },
};
