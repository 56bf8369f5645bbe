// Small SIMD vocabulary shared by all kernels.
//
// The module is compiled twice from the same sources: with relaxed SIMD, where `madd` is one fused instruction, and
// without, where it is a multiply and an add. Lengths are counts of f32, addresses are bytes.

/** a * b + c. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(a, b, c) : f32x4.add(c, f32x4.mul(a, b));
}

/** Byte offset of element `index`. */
// @ts-ignore: decorator
@inline
export function at(base: usize, index: i32): usize {
  return base + ((<usize>index) << 2);
}

/** Sum of the four lanes. */
// @ts-ignore: decorator
@inline
export function horizontalSum(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) +
    f32x4.extract_lane(v, 1) +
    (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3))
  );
}

/** Largest of the four lanes; NaN if one is NaN. */
// @ts-ignore: decorator
@inline
export function horizontalMax(v: v128): f32 {
  return max(
    max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)),
    max(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)),
  );
}

/** Fills `count` floats with zero. Not a bulk fill: engines make a call of it, which short runs would feel. */
export function zero(dst: usize, count: i32): void {
  const none = f32x4.splat(0);
  let i = 0;
  for (; i + 4 <= count; i += 4) v128.store(at(dst, i), none);
  for (; i < count; i++) store<f32>(at(dst, i), 0);
}

/** Copies `count` floats. Short runs, common in images, are cheaper as vector moves than as a bulk copy. */
export function copy(dst: usize, src: usize, count: i32): void {
  let i = 0;
  for (; i + 4 <= count; i += 4) v128.store(at(dst, i), v128.load(at(src, i)));
  for (; i < count; i++) store<f32>(at(dst, i), load<f32>(at(src, i)));
}

/** dst += src over `count` floats. */
export function accumulate(dst: usize, src: usize, count: i32): void {
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    v128.store(at(dst, i), f32x4.add(v128.load(at(dst, i)), v128.load(at(src, i))));
  }
  for (; i < count; i++) store<f32>(at(dst, i), load<f32>(at(dst, i)) + load<f32>(at(src, i)));
}

/** Four floats; or, where only one is left, that one in all lanes. */
// @ts-ignore: decorator
@inline
export function floats(address: usize, four: bool): v128 {
  return four ? v128.load(address) : v128.load32_splat(address);
}

/** Stores four floats, or the first of them. */
// @ts-ignore: decorator
@inline
export function putFloats(address: usize, values: v128, four: bool): void {
  if (four) v128.store(address, values);
  else v128.store32_lane(address, values, 0);
}
