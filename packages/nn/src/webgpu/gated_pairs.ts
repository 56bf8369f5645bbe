/**
 * SwiGLU in a product's epilogue: of a matrix [K, gates | values] blocks of columns of the gates and of the values take turns in
 * the tiles, so that who holds the sum of a gate holds that of its value too and stores one number for both.
 *
 * Arithmetic: the product has the sums and registers that it has without it. What stays away is 16 bytes a result (both
 * halves written and read again) of the 20 + 4 that a pass of its own moves, and that pass: of ViT-g (1370 x 4096 results a block) 90 MB,
 * 19 us at 4.8 TB/s, where the product takes 0.5 ms in single precision at 67 TFLOP/s, and 44 us on matrix units at 790: 4 and 30
 * percent. On SwiftShader 512 x 64 -> 2 x 1024 takes 0.67 of the time of the two passes, some of it the tile's doing; not measured
 * on hardware yet.
 */

/**
 * WGSL: `pairedColumn(at)`, the column of the matrix that stands at `at` of the tiles, whose blocks have `width` columns; one past the
 * end where there is none. `at` is a multiple of four; the gates' last block may reach into the values, whose sums nobody stores.
 */
export function pairedColumnCode(width: number): string {
  return `
fn pairedColumn(at : i32) -> i32 {
  let values = uniforms.N / 2;
  let column = at / ${2 * width} * ${width} + at % ${width};
  return select(uniforms.N, column + (at / ${width} % 2) * values, column < values);
}
`;
}

/**
 * WGSL: `finishPair(start, row, col, gates, values)` stores silu(gate + bias) * (value + bias) of four columns of a row into `y`;
 * `start` is where the result's matrix begins.
 */
export function finishPairCode(vectorN: boolean, bias: boolean, store: (value: string) => string): string {
  const type = vectorN ? "vec4<f32>" : "f32";
  const shifted = bias ? "gate + bias[column], value + bias[values + column]" : "gate, value";
  return `
fn gated(gate : ${type}, value : ${type}) -> ${type} { return gate / (1.0 + exp(-gate)) * value; }
fn finishPairAt(at : i32, column : i32, values : i32, gate : ${type}, value : ${type}) {
  ${store(`gated(${shifted})`)}
}
${vectorN ? vectorFinish : singleFinish}`;
}

const vectorFinish = `
fn finishPair(start : i32, row : i32, col : i32, gates : vec4<f32>, values : vec4<f32>) {
  let width = uniforms.N / 2;
  if (row >= uniforms.M || col >= width) { return; }
  finishPairAt((start + row * width + col) / 4, col / 4, width / 4, gates, values);
}
`;

const singleFinish = `
fn finishPair(start : i32, row : i32, col : i32, gates : vec4<f32>, values : vec4<f32>) {
  let width = uniforms.N / 2;
  if (row >= uniforms.M) { return; }
  let first = start + row * width + col;
  ${[0, 1, 2, 3]
    .map(
      (i) =>
        `if (col + ${i} < width) { finishPairAt(first + ${i}, col + ${i}, width, gates.${"xyzw"[i]}, values.${"xyzw"[i]}); }`,
    )
    .join("\n  ")}
}
`;
