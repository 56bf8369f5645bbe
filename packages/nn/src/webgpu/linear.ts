import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { EpilogueActivation } from "./epilogue.js";
import { keepsHalves } from "./half_in_force.js";
import { isForwardOnly } from "./half_precision.js";
import type { KernelCall, WebgpuKernel } from "./kernel.js";
import { runProduct } from "./product.js";
import { withShape } from "./shader.js";

/** x w with what the call's inputs and attributes ask for after it, in one pass. */
function linear({ backend, inputs, attributes }: KernelCall): TensorInfo {
  const { x, w, b, gamma, residual } = inputs;
  const y = runProduct(backend, {
    a: withShape(x!, [1, ...x!.shape]),
    b: withShape(w!, [1, ...w!.shape]),
    bias: b,
    activation: attributes.activation as EpilogueActivation | undefined,
    scale: gamma,
    residual,
    half: isForwardOnly(),
    compact: keepsHalves(attributes, [x!.shape[0]!, w!.shape[1]!]),
  });
  return withShape(y, [x!.shape[0]!, w!.shape[1]!]);
}

/** silu(x w_gate + b_gate) * (x w_value + b_value) in one pass: see `gated_pairs.ts`. */
function swiglu({ backend, inputs, attributes }: KernelCall): TensorInfo {
  const { x, w, b } = inputs;
  const shape = [x!.shape[0]!, w!.shape[1]! / 2];
  const y = runProduct(backend, {
    a: withShape(x!, [1, ...x!.shape]),
    b: withShape(w!, [1, ...w!.shape]),
    bias: b,
    activation: "gatedSilu",
    half: isForwardOnly(),
    compact: keepsHalves(attributes, shape),
  });
  return withShape(y, shape);
}

/** `GlofLinear`, `GlofLinearResidual` and `GlofSwiglu`: one pass each. */
export const linearKernels: readonly WebgpuKernel[] = [
  { name: "GlofLinear", compute: linear },
  { name: "GlofLinearResidual", compute: linear },
  { name: "GlofSwiglu", compute: swiglu },
];
