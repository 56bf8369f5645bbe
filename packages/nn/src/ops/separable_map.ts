import * as tf from "@tensorflow/tfjs-core";
import { useKernel } from "../kernels/door.js";
import { withGradient } from "../with_gradient.js";
import { matMul } from "./mat_mul.js";

/** A dense matrix [out, in] on the JavaScript side, row-major: how one axis of an image is mapped. */
export interface AxisMap {
  readonly outSize: number;
  readonly inSize: number;
  readonly values: Float32Array;
}

/** An all-zero map to fill in. */
export function emptyAxisMap(outSize: number, inSize: number): AxisMap {
  return { outSize, inSize, values: new Float32Array(outSize * inSize) };
}

/**
 * y[n, i, j, c] = sum over h, w of rows[i, h] * cols[j, w] * x[n, h, w, c].
 *
 * Resizing, average pooling and image padding are all of this form; as two matrix products they are fast and their
 * gradients (the transposed matrices) are exact on every backend, which tfjs's own resize and pad gradients are not.
 *
 * @param x [N, H, W, C]
 * @param rows [outRows, H], undefined to leave rows alone
 * @param cols [outCols, W], undefined to leave columns alone
 */
export function separableMap(
  x: tf.Tensor4D,
  rows: AxisMap | undefined,
  cols: AxisMap | undefined,
): tf.Tensor4D {
  return withGradient<tf.Tensor4D, "x", never>({
    inputs: { x },
    forward: () => ({ value: applyMaps(x, rows, cols, false), saved: {} }),
    backward: (dy) => ({ x: applyMaps(dy as tf.Tensor4D, rows, cols, true) }),
  });
}

/** The map or its adjoint, off the tape. */
export function applyMaps(
  x: tf.Tensor4D,
  rows: AxisMap | undefined,
  cols: AxisMap | undefined,
  adjoint: boolean,
): tf.Tensor4D {
  const kernel = rows && cols && useKernel("GlofImageMap");
  if (kernel) return kernel({ x }, { rows, cols, adjoint }) as tf.Tensor4D;
  const mappedRows = rows === undefined ? x : mapAxis(x, rows, 1, adjoint);
  return cols === undefined ? mappedRows : mapAxis(mappedRows, cols, 2, adjoint);
}

/** Brings the axis to the front, so that one 2-D product does the whole batch. */
function mapAxis(x: tf.Tensor4D, map: AxisMap, axis: 1 | 2, adjoint: boolean): tf.Tensor4D {
  const kernel = useKernel("GlofAxisMap");
  if (kernel !== undefined) return kernel({ x }, { ...map, axis, adjoint }) as tf.Tensor4D;
  const matrix = tf.tensor2d(map.values, [map.outSize, map.inSize]);
  const order = axis === 1 ? [1, 0, 2, 3] : [2, 0, 1, 3];
  const back = axis === 1 ? [1, 0, 2, 3] : [1, 2, 0, 3];
  const front = tf.transpose(x, order);
  const rest = front.shape.slice(1) as [number, number, number];
  const mapped = matMul(matrix, tf.reshape(front, [front.shape[0]!, -1]), adjoint, false);
  return tf.transpose(tf.reshape(mapped, [mapped.shape[0]!, ...rest]), back) as tf.Tensor4D;
}
