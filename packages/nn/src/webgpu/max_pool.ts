import type { TensorInfo } from "@tensorflow/tfjs-core";
import { dispatch } from "./dispatch.js";
import { groupsPerAxis } from "./groups_per_axis.js";
import type { KernelCall, WebgpuKernel } from "./kernel.js";

/**
 * The largest number of each window, and its gradient, which goes to the first of equal ones.
 *
 * Arithmetic, k taps a window: k comparisons over 4 bytes written and 4 s read, s being inputs per result (neighbours read the
 * same numbers, from cache): bound by device memory. Backwards every input looks at the windows it lies in, and where it is the
 * largest at the taps before it: no two threads write to one place. As TensorFlow.js's operations a pooling takes 2 k
 * passes forwards and some 7 k backwards.
 *
 * WGSL lets a device take it that no number is infinite or NaN, and has no constant that is. So -Infinity, where a window starts,
 * comes as a uniform, and NaN is told by its bits and carried beside the maximum, which would drop it. What a device makes of
 * such numbers beyond that is its own affair; SwiftShader does as PyTorch.
 */

const threads = 256;

const start = `
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  let at = i32((group.y * ${groupsPerAxis}u + group.x) * ${threads}u + thread);
  if (at >= uniforms.count) { return; }`;

/** Pixel (row, col) of image n in `x`, this thread's channel. */
const pixel = (image: string, rows: string, cols: string): string =>
  `((${image} * uniforms.inRows + ${rows}) * uniforms.inCols + ${cols}) * uniforms.depth + channel`;

const hasNaN = (value: string, type: string): string => {
  const bits = type.replace("f32", "u32");
  return `(bitcast<${bits}>(${value}) & ${bits}(0x7fffffffu)) > ${bits}(0x7f800000u)`;
};

const valueCode = (type: string): string => `${start}
  let channel = at % uniforms.depth;
  let place = at / uniforms.depth;
  let left = place % uniforms.outCols * uniforms.strideCols - uniforms.padCols;
  let top = place / uniforms.outCols % uniforms.outRows * uniforms.strideRows - uniforms.padRows;
  let image = place / uniforms.outCols / uniforms.outRows;
  var best = ${type}(uniforms.least);
  var notNumber = ${type}(0.0);
  for (var row = max(top, 0); row < min(top + uniforms.rows, uniforms.inRows); row++) {
    for (var col = max(left, 0); col < min(left + uniforms.cols, uniforms.inCols); col++) {
      let one = x[${pixel("image", "row", "col")}];
      best = max(best, one);
      notNumber = select(notNumber, one, ${hasNaN("one", type)});
    }
  }
  y[at] = select(best, notNumber, ${hasNaN("notNumber", type)});
}
`;

const gradientCode = (type: string): string => `${start}
  let channel = at % uniforms.depth;
  let place = at / uniforms.depth;
  let col = place % uniforms.inCols;
  let row = place / uniforms.inCols % uniforms.inRows;
  let image = place / uniforms.inCols / uniforms.inRows;
  let own = x[at];
  let firstRow = max(row + uniforms.padRows - uniforms.rows + uniforms.strideRows, 0) / uniforms.strideRows;
  let lastRow = min((row + uniforms.padRows) / uniforms.strideRows, uniforms.outRows - 1);
  let firstCol = max(col + uniforms.padCols - uniforms.cols + uniforms.strideCols, 0) / uniforms.strideCols;
  let lastCol = min((col + uniforms.padCols) / uniforms.strideCols, uniforms.outCols - 1);
  var sum = ${type}(0.0);
  for (var i = firstRow; i <= lastRow; i++) {
    for (var j = firstCol; j <= lastCol; j++) {
      let result = ((image * uniforms.outRows + i) * uniforms.outCols + j) * uniforms.depth + channel;
      let largest = y[result];
      var isOther = own != largest;
      let left = j * uniforms.strideCols - uniforms.padCols;
      for (var r = max(i * uniforms.strideRows - uniforms.padRows, 0); r <= row; r++) {
        let end = select(min(left + uniforms.cols, uniforms.inCols), col, r == row);
        for (var c = max(left, 0); c < end; c++) {
          isOther = isOther | (x[${pixel("image", "r", "c")}] == largest);
        }
      }
      sum += select(dy[result], ${type}(0.0), isOther);
    }
  }
  dx[at] = sum;
}
`;

type Shape = readonly [images: number, rows: number, cols: number, channels: number];
type Pair = readonly [rows: number, cols: number];

function run({ backend, inputs, attributes }: KernelCall, isGradient: boolean): TensorInfo {
  const { kernel, stride, padding, outSize } = attributes as Record<
    "kernel" | "stride" | "padding" | "outSize",
    Pair
  >;
  const [images, inRows, inCols, channels] = inputs.x!.shape as unknown as Shape;
  const lanes = channels % 4 === 0 ? 4 : 1;
  const element = lanes === 4 ? "vec4<f32>" : "f32";
  const into = isGradient ? inputs.x!.shape : [images, ...outSize, channels];
  const count = into.reduce((product, size) => product * size, 1 / lanes);
  const groups = Math.ceil(count / threads);
  const numbers = {
    ...{ count, inRows, inCols, depth: channels / lanes, outRows: outSize[0], outCols: outSize[1] },
    ...{ rows: kernel[0], cols: kernel[1], strideRows: stride[0], strideCols: stride[1] },
    ...{ padRows: padding[0], padCols: padding[1] },
  };
  const [result] = dispatch(backend, {
    key: `max_pool_${isGradient ? "grad_" : ""}${lanes}`,
    outputs: [{ name: isGradient ? "dx" : "y", element, into }],
    inputs: (isGradient ? ["x", "y", "dy"] : ["x"]).map((name) => ({ name, element, tensor: inputs[name]! })),
    uniforms: [
      ...Object.entries(numbers).map(([name, value]) => [name, "i32", value] as const),
      ["least", "f32", Number.NEGATIVE_INFINITY],
    ],
    code: () => (isGradient ? gradientCode(element) : valueCode(element)),
    groups: [Math.min(groups, groupsPerAxis), Math.ceil(groups / groupsPerAxis), 1],
  });
  return result!;
}

/** `GlofMaxPool` and `GlofMaxPoolGrad`: one pass each. */
export const maxPoolKernels: readonly WebgpuKernel[] = [
  { name: "GlofMaxPool", compute: (call) => run(call, false) },
  { name: "GlofMaxPoolGrad", compute: (call) => run(call, true) },
];
