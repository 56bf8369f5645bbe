import { repeat } from "./repeat.js";

/**
 * The operations on fragments (16 x 16 numbers spread over a subgroup of 32 threads) that our shaders are made of, as code
 * generators, so that one shader has two forms: the hardware's matrix units, and plain WGSL that computes the same anywhere.
 *
 * Operands are fragments of halves out of workgroup memory that stays as it is until they were multiplied (unless
 * `keepsOperands`). Sums are fragments in
 * single precision. Memory is counted in vectors of four numbers ("quads").
 */

/** Edge of a fragment. */
export const fragmentEdge = 16;
/** Threads that share a fragment. */
export const subgroupThreads = 32;

/** Where a fragment lies in workgroup memory. */
export interface FragmentPlace {
  /** Name of an array of quads. */
  readonly memory: string;
  /** WGSL expression: quad of its first number. */
  readonly at: string;
  /** Quads between its rows, or its columns where `turned`. */
  readonly stride: number;
  /** It lies column by column. Default false. */
  readonly turned?: boolean;
}

/** An operand that was brought by `left` or `right`. */
export interface OperandFragment {
  /** WGSL statement that brings it. */
  readonly code: string;
  readonly name: string;
  readonly place: FragmentPlace;
}

/** Generators of WGSL for one way of computing with fragments. Code that they give is a statement, or several. */
export interface MatrixUnits {
  /** Part of shader keys. */
  readonly name: "units" | "emulated";
  /** Loops over fragments have to be written out, so that each is a variable of its own; see `repeat`. */
  readonly unroll: boolean;
  readonly extensions: readonly string[];
  /** Type of a half in workgroup memory, and its bytes. */
  readonly half: "f16" | "f32";
  readonly halfBytes: 2 | 4;
  /** Operands that were brought do not change when their memory does. */
  readonly keepsOperands: boolean;
  /** Module scope. */
  readonly declarations: string;
  /** Attributes of `main`. */
  readonly attributes: string;
  /** First statement of `main`, where `thread` is the index of the invocation in its workgroup. */
  readonly enter: string;
  /** An expression of type vec4<f32> rounded to halves, as workgroup memory holds them. */
  toHalves(four: string): string;
  /** The same of an expression of type vec2<u32> that holds halves already. */
  fromPacked(words: string): string;
  /** Declares fragments of sums, all 0. */
  sums(name: string, count: number): string;
  /** One of them, by its index: a literal where loops are written out. */
  sumAt(name: string, index: string): string;
  /** A 16 x 16 left operand [row][k]. */
  left(name: string, place: FragmentPlace): OperandFragment;
  /** A 16 x 16 right operand [k][column]. */
  right(name: string, place: FragmentPlace): OperandFragment;
  /** Brings so many operands, for `multiply`. */
  bring(count: number, operand: (index: string) => OperandFragment): string;
  /** sum += left right */
  multiply(sum: string, left: OperandFragment, right: OperandFragment): string;
  /** Puts sums into workgroup memory of single precision, row by row. */
  store(sum: string, place: FragmentPlace): string;
  /** Brings sums back. */
  load(sum: string, place: FragmentPlace): string;
}

const order = ({ turned = false }: FragmentPlace): string => (turned ? "col_major" : "row_major");

function hardwareOperand(side: "left" | "right") {
  return (name: string, place: FragmentPlace): OperandFragment => ({
    name,
    place,
    code: `let ${name} = subgroupMatrixLoad<subgroup_matrix_${side}<f16, 16, 16>, ${order(place)}>(&${place.memory}, ${place.at}, ${place.stride}u);`,
  });
}

/** The GPU's own matrix units (tensor cores). Subgroups must have 32 threads, in the order of the workgroup. */
export const hardwareUnits: MatrixUnits = {
  name: "units",
  unroll: true,
  extensions: ["f16", "subgroups", "chromium_experimental_subgroup_matrix"],
  half: "f16",
  halfBytes: 2,
  keepsOperands: true,
  declarations: "",
  // A subgroup agrees on where its fragments lie, which the compiler cannot see.
  attributes: "@diagnostic(off, chromium.subgroup_matrix_uniformity)",
  enter: "",
  toHalves: (four) => `vec4<f16>(${four})`,
  fromPacked: (words) => `bitcast<vec4<f16>>(${words})`,
  sums: (name, count) =>
    repeat(count, "", true, (i) => `var ${name}${i} = subgroup_matrix_result<f32, 16, 16>();`),
  sumAt: (name, index) => `${name}${index}`,
  left: hardwareOperand("left"),
  right: hardwareOperand("right"),
  bring: (count, operand) => repeat(count, "", true, (i) => operand(i).code),
  multiply: (sum, left, right) =>
    `${sum} = subgroupMatrixMultiplyAccumulate(${left.name}, ${right.name}, ${sum});`,
  store: (sum, { memory, at, stride }) =>
    `subgroupMatrixStore<row_major>(&${memory}, ${at}, ${sum}, ${stride}u);`,
  load: (sum, { memory, at, stride }) =>
    `${sum} = subgroupMatrixLoad<subgroup_matrix_result<f32, 16, 16>, row_major>(&${memory}, ${at}, ${stride}u);`,
};

function emulatedOperand(name: string, place: FragmentPlace): OperandFragment {
  return { name, place, code: "" };
}

/** WGSL: one number of a fragment. */
function numberAt({ memory, at, stride, turned }: FragmentPlace, row: string, col: string): string {
  const [line, along] = turned ? [col, row] : [row, col];
  return `${memory}[${at} + ${line} * ${stride}u + ${along} / 4u][${along} % 4u]`;
}

/** WGSL: four numbers of row k from column 4 quad on. */
function quadAt(place: FragmentPlace, k: string, quad: string): string {
  if (!place.turned) return `${place.memory}[${place.at} + ${k} * ${place.stride}u + ${quad}]`;
  const one = (i: number): string => numberAt(place, k, `(4u * (${quad}) + ${i}u)`);
  return `vec4<f32>(${[0, 1, 2, 3].map(one).join(", ")})`;
}

/**
 * The same on any device, for tests: 32 consecutive threads stand for a subgroup, operands stay where they lie, and each thread
 * keeps eight numbers of a row of a sum. Halves are singles that were rounded as the hardware does; a product of two is exact in
 * single precision on both, so that only the order of adding up differs.
 */
export const emulatedUnits: MatrixUnits = {
  name: "emulated",
  unroll: false,
  extensions: ["subgroups"],
  half: "f32",
  halfBytes: 4,
  keepsOperands: false,
  declarations: `fn roundedToHalves(four : vec4<f32>) -> vec4<f32> {
  return vec4<f32>(unpack2x16float(pack2x16float(four.xy)), unpack2x16float(pack2x16float(four.zw)));
}`,
  attributes: "",
  enter: "let unitRow = thread % 32u / 2u; let unitQuad = 2u * (thread % 2u);",
  toHalves: (four) => `roundedToHalves(${four})`,
  fromPacked: (words) => `fourOfHalves(${words})`,
  sums: (name, count) => `var ${name} = array<array<vec4<f32>, 2>, ${count}>();`,
  sumAt: (name, index) => `${name}[${index}]`,
  left: emulatedOperand,
  right: emulatedOperand,
  bring: () => "",
  multiply: (sum, left, right) => `for (var unitK = 0u; unitK < 16u; unitK++) {
        let one = vec4<f32>(${numberAt(left.place, "unitRow", "unitK")});
        ${sum}[0] = fma(one, ${quadAt(right.place, "unitK", "unitQuad")}, ${sum}[0]);
        ${sum}[1] = fma(one, ${quadAt(right.place, "unitK", "unitQuad + 1u")}, ${sum}[1]);
      }`,
  store: (sum, { memory, at, stride }) =>
    [0, 1].map((i) => `${memory}[${at} + unitRow * ${stride}u + unitQuad + ${i}u] = ${sum}[${i}];`).join(" "),
  load: (sum, { memory, at, stride }) =>
    [0, 1].map((i) => `${sum}[${i}] = ${memory}[${at} + unitRow * ${stride}u + unitQuad + ${i}u];`).join(" "),
};

/** row * cols + col in WGSL: a literal where both are. */
export function flatIndex(row: string, col: string, cols: number): string {
  const [r, c] = [Number.parseInt(row, 10), Number.parseInt(col, 10)];
  return Number.isNaN(r) || Number.isNaN(c) ? `${row} * ${cols}u + ${col}` : `${r * cols + c}u`;
}
