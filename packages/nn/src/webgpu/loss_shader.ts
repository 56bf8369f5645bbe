/** WGSL that losses over pixels and over classes share; `uniforms` has hasIgnore and ignored. */
export const lossCode = `
// log(1 + u) for 0 <= u <= 1: 2 artanh(z) by its series.
fn logOnePlus(u : f32) -> f32 {
  let z = u / (2.0 + u);
  let s = z * z;
  var p = s / 15.0 + 1.0 / 13.0;
  p = p * s + 1.0 / 11.0;
  p = p * s + 1.0 / 9.0;
  p = p * s + 1.0 / 7.0;
  p = p * s + 1.0 / 5.0;
  p = p * s + 1.0 / 3.0;
  p = p * s + 1.0;
  return 2.0 * z * p;
}
// Neither sigmoid(x) nor sigmoid(-x) is a difference, so both keep their digits.
fn sigmoidOf(x : f32) -> f32 {
  let u = exp(-abs(x));
  return select(1.0, u, x < 0.0) / (1.0 + u);
}
// log(1 + e^-x)
fn softplusOfMinus(x : f32) -> f32 { return max(-x, 0.0) + logOnePlus(exp(-abs(x))); }
fn counts(label : f32) -> bool { return uniforms.hasIgnore == 0 || label != uniforms.ignored; }
`;
