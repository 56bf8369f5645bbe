import type { TensorInfo } from "@tensorflow/tfjs-core";
import { type ChannelNorm, floatInputs, groupUniforms, statisticsCode } from "./channel_pass.js";
import { columnParts, laneSumCode } from "./column_sums.js";
import { dispatch } from "./dispatch.js";
import type { ShaderBackend } from "./shader.js";

const threads = 256;

/** Of d * normed and of d, per channel of a chunk, d being what passes of dy. */
const slopeTerm = (norm: ChannelNorm): string => `
${statisticsCode(norm)}
fn term(image : i32, row : i32, col : i32) -> vec2<f32> {
  let known = statisticsOf(image, col);
  let at = row * uniforms.cols + col;
  let normed = (x[at] - known.x) * known.y;
  return ${norm.relu ? "select(0.0, dy[at], normed * gamma[col] + beta[col] > 0.0)" : "dy[at]"} * vec2<f32>(normed, 1.0);
}
`;

/**
 * A group of threads for each group of channels goes through the images: their sums for gamma and beta add up, and each image has
 * the means over its group of g * normed and of g, g = dy * gamma.
 */
const joinSlopesCode = `
${laneSumCode(1).replaceAll("laneSum", "groupSum")}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  let size = f32(uniforms.rows * uniforms.perGroup);
  for (var image = 0; image < uniforms.images; image++) {
    var means = vec2<f32>();
    for (var channel = 0; channel < uniforms.perGroup; channel++) {
      let col = i32(group.x) * uniforms.perGroup + channel;
      var sum = vec2<f32>();
      for (var chunk = i32(thread); chunk < uniforms.chunks; chunk += ${threads}) {
        sum += parts[(image * uniforms.chunks + chunk) * uniforms.cols + col];
      }
      let whole = groupSum(sum, thread);
      means += whole * gamma[col];
      if (thread == 0u) {
        dgamma[col] = select(dgamma[col], 0.0, image == 0) + whole.x;
        dbeta[col] = select(dbeta[col], 0.0, image == 0) + whole.y;
      }
    }
    if (thread == 0u) { slopes[image * uniforms.groups + i32(group.x)] = means / size; }
  }
}
`;

/** What the gradient of a norm takes over all pixels. */
export interface SlopeSums {
  /** [images, groups] of pairs: means of g * normed and of g. */
  readonly slopes: TensorInfo;
  readonly dGamma: TensorInfo;
  readonly dBeta: TensorInfo;
}

/** Queues two passes; the results belong to the caller. */
export function slopeSums(
  backend: ShaderBackend,
  x: TensorInfo,
  dy: TensorInfo,
  norm: ChannelNorm,
): SlopeSums {
  const { gamma, beta, relu, key, sizes, perGroup } = norm;
  const { images, rows, cols } = sizes;
  const parts = columnParts(backend, {
    ...sizes,
    key: `${key}${relu ? "_relu" : ""}_slopes`,
    inputs: [...floatInputs({ x, dy, ...(relu && { gamma, beta }) }), ...norm.inputs],
    uniforms: [...groupUniforms(norm), ...norm.uniforms],
    term: slopeTerm(norm),
  });
  const [slopes, dGamma, dBeta] = dispatch(backend, {
    key: "channel_norm_join_slopes",
    outputs: [
      { name: "slopes", element: "vec2<f32>", into: [images, cols / perGroup, 2] },
      { name: "dgamma", element: "f32", into: [cols] },
      { name: "dbeta", element: "f32", into: [cols] },
    ],
    inputs: [{ name: "parts", element: "vec2<f32>", tensor: parts.sums }, ...floatInputs({ gamma })],
    uniforms: [
      ["images", "i32", images],
      ["rows", "i32", rows],
      ["cols", "i32", cols],
      ["chunks", "i32", parts.chunks],
      ...groupUniforms(norm),
    ],
    code: () => joinSlopesCode,
    groups: [cols / perGroup, 1, 1],
  });
  backend.disposeData(parts.sums.dataId);
  return { slopes: slopes!, dGamma: dGamma!, dBeta: dBeta! };
}
