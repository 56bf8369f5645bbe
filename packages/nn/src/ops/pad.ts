import { GlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { withGradient } from "../with_gradient.js";
import { padOrCrop } from "./conv_parts.js";
import { type AxisMap, emptyAxisMap, separableMap } from "./separable_map.js";

/** What stands beyond the border: a constant, the mirrored image without its border pixel, or the border pixel. */
export type PadMode = "constant" | "reflect" | "replicate";

/** Options of `pad2d`. */
export interface PadOptions {
  /** Default "constant". */
  readonly mode?: PadMode;
  /** For "constant". Default 0. */
  readonly value?: number;
}

/**
 * Pads an image.
 *
 * @param x [N, H, W, C]
 * @param padding pixels added, [top, bottom, left, right]
 * @throws GlofError `bad-argument`; "reflect" needs more pixels than it adds
 */
export function pad2d(
  x: tf.Tensor4D,
  padding: readonly [top: number, bottom: number, left: number, right: number],
  options: PadOptions = {},
): tf.Tensor4D {
  const { mode = "constant", value = 0 } = options;
  const [top, bottom, left, right] = padding;
  checkPadding(x, padding, mode);
  if (mode !== "constant") {
    return separableMap(
      x,
      borderMap(x.shape[1], top, bottom, mode),
      borderMap(x.shape[2], left, right, mode),
    );
  }
  return withGradient<tf.Tensor4D, "x", never>({
    inputs: { x },
    forward: () => ({
      value: tf.pad(
        x,
        [
          [0, 0],
          [top, bottom],
          [left, right],
          [0, 0],
        ],
        value,
      ),
      saved: {},
    }),
    backward: (dy) => ({ x: padOrCrop(dy as tf.Tensor4D, [-top, -bottom], [-left, -right]) }),
  });
}

function borderMap(
  inSize: number,
  before: number,
  after: number,
  mode: "reflect" | "replicate",
): AxisMap | undefined {
  if (before === 0 && after === 0) return undefined;
  const map = emptyAxisMap(before + inSize + after, inSize);
  const last = inSize - 1;
  for (let index = 0; index < map.outSize; index++) {
    const position = index - before;
    const inside = Math.min(Math.max(position, 0), last);
    const source = mode === "replicate" ? inside : 2 * inside - position;
    map.values[index * inSize + source] = 1;
  }
  return map;
}

function checkPadding(x: tf.Tensor4D, padding: readonly number[], mode: PadMode): void {
  const valid = x.rank === 4 && padding.length === 4 && padding.every((n) => Number.isInteger(n) && n >= 0);
  const [top = 0, bottom = 0, left = 0, right = 0] = padding;
  const reflects =
    mode !== "reflect" || (Math.max(top, bottom) < x.shape[1] && Math.max(left, right) < x.shape[2]);
  if (valid && reflects) return;
  throw new GlofError(
    "bad-argument",
    `pad2d: expected x [N, H, W, C] and padding [top, bottom, left, right] of integers of at least 0` +
      `${mode === "reflect" ? ", smaller than the image" : ""}, got x [${x.shape}] and [${padding}]. Reduce the padding.`,
  );
}
