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
function runsAlongOuter(kind: OperandKind): boolean {
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
  /** `placeOfA` gives (k, quad) as they are, not the index with the turn against bank conflicts. Default false. */
  readonly plain?: boolean;
}

/**
 * WGSL: `loadA(start, base, deep, last, thread)` brings four numbers along the outer axis at one k per thread, zeros past the
 * end; `placeOfA(thread)` is where they belong in the workgroup's [k][outer / 4] memory.
 *
 * @param depth numbers along K of a tile
 * @param quads vectors along the outer axis of a tile
 */
export function loaderCode(
  { name, kind, vector, half, plain = false }: Operand,
  depth: number,
  quads: number,
): string {
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
  return `
${vector ? "" : elementCode({ name, kind, half, outer })}
fn load${name}(start : i32, base : i32, deep : i32, last : i32, thread : i32) -> vec4<f32> {
  let first = base + 4 * (thread ${quad});
  let k = deep + thread ${deep};
  var four = vec4<f32>();
  if (k < last) {
    ${body}
  }
  return four;
}
${plain ? plainPlace(name, deep, quad) : turnedPlace(name, deep, quad, quads)}
`;
}

function turnedPlace(name: string, deep: string, quad: string, quads: number): string {
  return `fn placeOf${name}(thread : u32) -> u32 {
  let k = thread ${deep}u;
  return k * ${quads}u + ((thread ${quad}u) ^ (k & 7u));
}`;
}

function plainPlace(name: string, deep: string, quad: string): string {
  return `fn placeOf${name}(thread : u32) -> vec2<u32> { return vec2<u32>(thread ${deep}u, thread ${quad}u); }`;
}

function elementCode({
  name,
  kind,
  half,
  outer,
}: Pick<Operand, "name" | "kind" | "half"> & { outer: string }): string {
  const number = (index: string): string => loadExpression(name.toLowerCase(), index, half, false);
  const head = `fn element${name}(start : i32, outer : i32, k : i32) -> f32`;
  switch (kind) {
    case "deep":
      return `${head} { return ${number("start + outer * uniforms.K + k")}; }`;
    case "outer":
      return `${head} { return ${number(`start + k * ${outer} + outer`)}; }`;
    case "filter":
      return `${head} {
  let tap = k / uniforms.O;
  return ${number("(tap * uniforms.C + outer) * uniforms.O + k % uniforms.O")};
}`;
    case "patches":
      return `${seenPixel(number)}
${head} { return seen(outer, k); }`;
    case "taps":
      return `${seenPixel(number)}
${head} { return seen(k, outer); }`;
    case "spread":
      return `${head} {
  let tap = k / uniforms.O;
  let place = vec2<i32>(outer / uniforms.inW % uniforms.inH, outer % uniforms.inW);
  let stride = vec2<i32>(uniforms.strideH, uniforms.strideW);
  let moved = place + ${padding} - ${tapOffset};
  let source = moved / stride;
  if (any(moved < vec2<i32>()) || any(source * stride != moved) || source.x >= uniforms.outH || source.y >= uniforms.outW) {
    return 0.0;
  }
  let image = outer / (uniforms.inH * uniforms.inW);
  return ${number("((image * uniforms.outH + source.x) * uniforms.outW + source.y) * uniforms.O + k % uniforms.O")};
}`;
  }
}

const padding = "vec2<i32>(uniforms.padH, uniforms.padW)";
const tapOffset =
  "vec2<i32>(tap / uniforms.kernelW * uniforms.dilationH, tap % uniforms.kernelW * uniforms.dilationW)";

/** WGSL: what an output pixel sees under (tap, channel); 0 in the padding. */
function seenPixel(number: (index: string) => string): string {
  return `fn seen(pixel : i32, deep : i32) -> f32 {
  let tap = deep / uniforms.C;
  let place = vec2<i32>(pixel / uniforms.outW % uniforms.outH, pixel % uniforms.outW);
  let at = place * vec2<i32>(uniforms.strideH, uniforms.strideW) + ${tapOffset} - ${padding};
  if (any(at < vec2<i32>()) || at.x >= uniforms.inH || at.y >= uniforms.inW) { return 0.0; }
  let image = pixel / (uniforms.outH * uniforms.outW);
  return ${number("((image * uniforms.inH + at.x) * uniforms.inW + at.y) * uniforms.C + deep % uniforms.C")};
}`;
}
