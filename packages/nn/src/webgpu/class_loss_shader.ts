import type { ClassLossOptions } from "../ops/class_loss_types.js";
import { lossCode } from "./loss_shader.js";

/** What one compiled loss does; every combination is a shader of its own. */
export interface ClassLossVariant extends Pick<ClassLossOptions, "kind" | "multilabel"> {
  readonly classes: number;
  /** Of `"entropy"`: classes have weights. */
  readonly weighted: boolean;
}

/** Whether the classes of a pixel share a softmax. */
export function sharesSoftmax({ kind, multilabel }: ClassLossVariant): boolean {
  return kind !== "focal" && !multilabel;
}

/** WGSL of what all passes use; `K` is the number of classes. */
function commonCode({ classes, multilabel, weighted }: ClassLossVariant): string {
  return `
const K = ${classes};
${lossCode}
fn labelOf(pixel : i32, c : i32) -> f32 { return labels[${multilabel ? "pixel * K + c" : "pixel"}]; }
// Of a label that counts; a number that is no class is no target.
fn targetOf(label : f32, c : i32) -> f32 { return ${multilabel ? "label" : "select(0.0, 1.0, label == f32(c))"}; }
fn weightOf(c : i32) -> f32 { return ${weighted ? "weights[c]" : "1.0"}; }
// Largest logit of a pixel, and the sum of e^(logit - largest).
fn softmaxOf(pixel : i32) -> vec2<f32> {
  var top = logits[pixel * K];
  for (var c = 1; c < K; c++) { top = max(top, logits[pixel * K + c]); }
  var sum = 0.0;
  for (var c = 0; c < K; c++) { sum += exp(logits[pixel * K + c] - top); }
  return vec2<f32>(top, sum);
}
`;
}

/** What cross-entropy wants of a class: w ((1 - s) t + s / K). */
const wantedCode = `
fn wantedOf(label : f32, c : i32) -> f32 {
  return weightOf(c) * ((1.0 - uniforms.smoothing) * targetOf(label, c) + uniforms.smoothing / f32(K));
}
`;

/** The derivative of region losses by a probability: 1 below the target, 0 above it and 1/2 on it count for the first coefficient. */
const regionCode = `
fn byProbability(p : f32, target_ : f32, c : i32) -> f32 {
  return (0.5 - 0.5 * sign(p - target_)) * coefficients[c] + coefficients[K + c];
}
`;

/**
 * Focal loss with e the cross-entropy of a sigmoid, p_t = e^-e and m = 1 - p_t: the factor is m^gamma, or, if there is a
 * threshold, 1 where p_t is below it and (m / threshold)^gamma above; the loss is factor e (rise t + level).
 */
const focalCode = `
struct Focal { entropy : f32, factor : f32, byLogit : f32, factorByLogit : f32 };
fn focalOf(x : f32, target_ : f32) -> Focal {
  let p = sigmoidOf(x);
  let q = sigmoidOf(-x);
  let entropy = (1.0 - target_) * x + softplusOfMinus(x);
  var miss = select(p, q, target_ == 1.0);
  var hit = select(q, p, target_ == 1.0);
  var byLogit = select(p, -q, target_ == 1.0);
  if (target_ != 0.0 && target_ != 1.0) {
    hit = exp(-entropy);
    miss = 1.0 - hit;
    byLogit = p - target_;
  }
  // m^(gamma - 1), over threshold^gamma if there is one.
  var less = miss;
  if (uniforms.gamma == 1.0) { less = 1.0; }
  else if (uniforms.gamma != 2.0) { less = exp((uniforms.gamma - 1.0) * log(max(miss, 1e-37))); }
  less *= uniforms.perThreshold;
  if (hit < uniforms.threshold) { return Focal(entropy, 1.0, byLogit, 0.0); }
  return Focal(entropy, less * miss, byLogit, less * uniforms.gamma * hit * byLogit);
}
fn focalWeight(target_ : f32) -> f32 { return uniforms.rise * target_ + uniforms.level; }
`;

/** WGSL: `terms(pixel, c, known)`, three of a class (of all classes together for cross-entropy); `known` is the pixel's softmax. */
export function termsCode(variant: ClassLossVariant): string {
  return `${commonCode(variant)}\n${terms(variant)}`;
}

function terms(variant: ClassLossVariant): string {
  const head = "fn terms(pixel : i32, c : i32, known : vec2<f32>) -> vec4<f32>";
  if (variant.kind === "entropy") {
    return `${wantedCode}
${head} {
  let label = labels[pixel];
  if (!counts(label)) { return vec4<f32>(); }
  var off = 0.0;
  var mass = 0.0;
  var share = 0.0;
  for (var k = 0; k < K; k++) {
    let wanted = wantedOf(label, k);
    mass += wanted;
    off += wanted * (known.x - logits[pixel * K + k]);
    share += weightOf(k) * targetOf(label, k);
  }
  return vec4<f32>(off + mass * log(known.y), share, 0.0, 0.0);
}`;
  }
  const start = `${head} {
  let label = labelOf(pixel, c);
  if (!counts(label)) { return vec4<f32>(); }
  let t = targetOf(label, c);
  let x = logits[pixel * K + c];`;
  if (variant.kind === "focal") {
    return `${focalCode}
${start}
  let focal = focalOf(x, t);
  return vec4<f32>(focal.factor * focal.entropy * focalWeight(t), focal.factor, 1.0, 0.0);
}`;
  }
  return `${start}
  let p = ${variant.multilabel ? "sigmoidOf(x)" : "exp(x - known.x) / known.y"};
  return vec4<f32>(p, abs(p - t), t, 0.0);
}`;
}

/**
 * WGSL: `pixelOf(pixel)` is what the slopes of a pixel's classes have in common, where they share a softmax (largest logit, sum
 * of exponentials, and what is subtracted or multiplied); `slope(pixel, c, known)` is the derivative by a logit.
 */
export function slopeCode(variant: ClassLossVariant): string {
  return `${commonCode(variant)}\n${slopes(variant)}`;
}

function slopes(variant: ClassLossVariant): string {
  const head = `fn slope(pixel : i32, c : i32, known : vec4<f32>) -> f32 {
  let label = labelOf(pixel, c);
  if (!counts(label)) { return 0.0; }
  let t = targetOf(label, c);
  let x = logits[pixel * K + c];`;
  switch (variant.kind) {
    case "entropy":
      return `${wantedCode}
fn pixelOf(pixel : i32) -> vec4<f32> {
  let known = softmaxOf(pixel);
  let label = labels[pixel];
  var mass = 0.0;
  for (var c = 0; c < K; c++) { mass += wantedOf(label, c); }
  return vec4<f32>(known, mass, 0.0);
}
fn slope(pixel : i32, c : i32, known : vec4<f32>) -> f32 {
  let label = labels[pixel];
  if (!counts(label)) { return 0.0; }
  let p = exp(logits[pixel * K + c] - known.x) / known.y;
  return coefficients[0] * (known.z * p - wantedOf(label, c));
}`;
    case "focal":
      return `${focalCode}
${head}
  let focal = focalOf(x, t);
  let byLoss = (focal.factorByLogit * focal.entropy + focal.factor * focal.byLogit) * focalWeight(t);
  return coefficients[c] * byLoss + coefficients[K + c] * focal.factorByLogit;
}`;
    case "region":
      return variant.multilabel
        ? `${regionCode}
${head}
  let p = sigmoidOf(x);
  return byProbability(p, t, c) * p * sigmoidOf(-x);
}`
        : `${regionCode}
fn pixelOf(pixel : i32) -> vec4<f32> {
  let known = softmaxOf(pixel);
  let label = labels[pixel];
  var along = 0.0;
  for (var c = 0; c < K; c++) {
    let p = exp(logits[pixel * K + c] - known.x) / known.y;
    along += p * byProbability(p, targetOf(label, c), c);
  }
  return vec4<f32>(known, along, 0.0);
}
${head}
  let p = exp(x - known.x) / known.y;
  return p * (byProbability(p, t, c) - known.z);
}`;
  }
}
