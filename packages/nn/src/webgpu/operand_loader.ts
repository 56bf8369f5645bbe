import { pairedColumnCode } from "./gated_pairs.js";
import { loadExpression } from "./half_storage.js";

/**
 * How the product's shader reads an operand: numbers by their place along the outer axis (M or N) and along K.
 *
 * - `deep`: a matrix [outer, K]
 * - `outer`: a matrix [K, outer]
 * - `patches`: what a convolution sees of images [N, inH, inW, C]; outer is the output pixel, K is (tap, C)
 * - `spread`: results [N, outH, outW, O] put apart by the stride; outer is the input pixel, K is (tap, O)
 * - `taps`: as `patches`, with outer and K swapped
 * - `filter`: a filter HWIO; outer is its input channel, K is (tap, O)
 */
export type OperandKind = "deep" | "outer" | "patches" | "spread" | "taps" | "filter";

/** Whether neighbouring threads read fastest when they differ along the outer axis, not along K. */
export function runsAlongOuter(kind: OperandKind): boolean {
  return kind === "outer" || kind === "taps";
}

/** An operand of the product: its buffer is the lower-case letter. */
export interface Operand {
  readonly name: "A" | "B";
  readonly kind: OperandKind;
  /** The buffer holds vectors of four numbers along the outer axis (`outer` only). */
  readonly vector: boolean;
  /** The buffer holds halves; see `half_storage.ts`. */
  readonly half: boolean;
  /** Blocks of so many columns of gates and of values take turns (B only); see `gated_pairs.ts`. */
  readonly paired?: number | undefined;
}

/**
 * WGSL: `loadA(start, base, deep, last, thread)` brings four numbers along the outer axis at one k per thread, zeros past the
 * end; `placeOfA(thread)` is where they belong in the workgroup's [k][outer / 4] memory.
 *
 * @param depth numbers along K of a tile
 * @param quads vectors along the outer axis of a tile
 */
export function loaderCode(operand: Operand, depth: number, quads: number): string {
  const { name, kind, vector, half, paired } = operand;
  const buffer = name.toLowerCase();
  const outer = name === "A" ? "uniforms.M" : "uniforms.N";
  const along = runsAlongOuter(kind);
  const quad = along ? `% ${quads}` : `/ ${depth}`;
  const deep = along ? `/ ${quads}` : `% ${depth}`;
  const one = (i: number): string =>
    `if (first + ${i} < ${outer}) { four.${"xyzw"[i]} = element${name}(start, first + ${i}, k); }`;
  const body = vector
    ? `if (first < ${outer}) { four = ${loadExpression(buffer, `(start + k * ${outer} + first) / 4`, half, true)}; }`
    : [0, 1, 2, 3].map(one).join("\n    ");
  const first = `base + 4 * (thread ${quad})`;
  return `
${paired === undefined ? "" : pairedColumnCode(paired)}
${vector ? "" : elementCode(name, kind, outer, bufferReader(buffer, half, false))}
fn load${name}(start : i32, base : i32, deep : i32, last : i32, thread : i32) -> vec4<f32> {
  let first = ${paired === undefined ? first : `pairedColumn(${first})`};
  let k = deep + thread ${deep};
  var four = vec4<f32>();
  if (k < last) {
    ${body}
  }
  return four;
}
fn placeOf${name}(thread : u32) -> u32 {
  let k = thread ${deep}u;
  return k * ${quads}u + ((thread ${quad}u) ^ (k & 7u));
}
`;
}

/** How numbers come out of a buffer, given the index of the first. */
export interface BufferReader {
  /** WGSL type of what comes. */
  readonly type: string;
  at(index: string): string;
}

/** Reads a buffer of floats or halves one number, or four neighbours, at a time. */
export function bufferReader(buffer: string, half: boolean, vector: boolean): BufferReader {
  return {
    type: vector ? "vec4<f32>" : "f32",
    at: (index) => loadExpression(buffer, vector ? `(${index}) / 4` : index, half, vector),
  };
}

/** WGSL: `element<name>(start, outer, k)`, what the operand has there; zeros in the padding of a convolution. */
export function elementCode(
  name: string,
  kind: OperandKind,
  outer: string,
  { type, at }: BufferReader,
): string {
  const head = `fn element${name}(start : i32, outer : i32, k : i32) -> ${type}`;
  switch (kind) {
    case "deep":
      return `${head} { return ${at("start + outer * uniforms.K + k")}; }`;
    case "outer":
      return `${head} { return ${at(`start + k * ${outer} + outer`)}; }`;
    case "filter":
      return `${head} {
  let tap = k / uniforms.O;
  return ${at("(tap * uniforms.C + outer) * uniforms.O + k % uniforms.O")};
}`;
    case "patches":
      return `${seenPixel(name, { type, at })}
${head} { return seen${name}(outer, k); }`;
    case "taps":
      return `${seenPixel(name, { type, at })}
${head} { return seen${name}(k, outer); }`;
    case "spread":
      return `${head} {
  let tap = k / uniforms.O;
  let place = vec2<i32>(outer / uniforms.inW % uniforms.inH, outer % uniforms.inW);
  let stride = vec2<i32>(uniforms.strideH, uniforms.strideW);
  let moved = place + ${padding} - ${tapOffset};
  let source = moved / stride;
  if (any(moved < vec2<i32>()) || any(source * stride != moved) || source.x >= uniforms.outH || source.y >= uniforms.outW) {
    return ${type}();
  }
  let image = outer / (uniforms.inH * uniforms.inW);
  return ${at("((image * uniforms.outH + source.x) * uniforms.outW + source.y) * uniforms.O + k % uniforms.O")};
}`;
  }
}

const padding = "vec2<i32>(uniforms.padH, uniforms.padW)";
const tapOffset =
  "vec2<i32>(tap / uniforms.kernelW * uniforms.dilationH, tap % uniforms.kernelW * uniforms.dilationW)";

/** WGSL: what an output pixel sees under (tap, channel); 0 in the padding. */
function seenPixel(name: string, { type, at }: BufferReader): string {
  return `fn seen${name}(pixel : i32, deep : i32) -> ${type} {
  let tap = deep / uniforms.C;
  let place = vec2<i32>(pixel / uniforms.outW % uniforms.outH, pixel % uniforms.outW);
  let at = place * vec2<i32>(uniforms.strideH, uniforms.strideW) + ${tapOffset} - ${padding};
  if (any(at < vec2<i32>()) || at.x >= uniforms.inH || at.y >= uniforms.inW) { return ${type}(); }
  let image = pixel / (uniforms.outH * uniforms.outW);
  return ${at("((image * uniforms.inH + at.x) * uniforms.inW + at.y) * uniforms.C + deep % uniforms.C")};
}`;
}
