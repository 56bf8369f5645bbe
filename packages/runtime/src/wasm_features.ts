/** `(func (param v128 v128 v128) (result v128) …)` up to its code: header, one function type, one function. */
const ternaryFunction = [
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...[0x01, 0x08, 0x01, 0x60, 0x03, 0x7b, 0x7b, 0x7b, 0x01, 0x7b],
  ...[0x03, 0x02, 0x01, 0x00],
];

/** The smallest module that needs SIMD: the code is `local.get 0`. */
const usesSimd = new Uint8Array([...ternaryFunction, ...[0x0a, 0x06, 0x01, 0x04, 0x00, 0x20, 0x00, 0x0b]]);

/** The smallest module that needs relaxed SIMD: the code is `f32x4.relaxed_madd` of the three. */
const usesRelaxedSimd = new Uint8Array([
  ...ternaryFunction,
  ...[0x0a, 0x0d, 0x01, 0x0b, 0x00, 0x20, 0x00, 0x20, 0x01, 0x20, 0x02, 0xfd, 0x85, 0x02, 0x0b],
]);

/** Whether WebAssembly has 128-bit SIMD. */
export function hasSimd(): boolean {
  return WebAssembly.validate(usesSimd);
}

/**
 * Whether WebAssembly has relaxed SIMD, hence fused multiply-add. On Node 20 it appears when the kernels of `@glof/nn`
 * are installed, which lift V8's flag.
 */
export function hasRelaxedSimd(): boolean {
  return WebAssembly.validate(usesRelaxedSimd);
}
