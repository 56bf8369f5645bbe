import type { NamedAttrMap, TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelCall } from "./override.js";

/** Activations our kernels apply while a block of the product is still in cache. */
const fusedCodes: Readonly<Record<string, number>> = { linear: 0, relu: 1, relu6: 2 };

/** tfjs kernels of the other activations. */
const kernelNames: Readonly<Record<string, string>> = {
  elu: "Elu",
  sigmoid: "Sigmoid",
  leakyrelu: "LeakyRelu",
  prelu: "Prelu",
};

/** How the attributes of a fused kernel split into what is done inside the product and what must follow. */
export interface Epilogue {
  /** The bias, where it is one float per output column. */
  readonly bias: TensorInfo | undefined;
  /** Code for the kernels. */
  readonly activation: number;
  /** Turns the product into the result; releases what it replaces. */
  readonly after: (product: TensorInfo) => TensorInfo;
}

/** Plans bias and activation of `_FusedMatMul` and `FusedConv2D` for an output with `columns` columns. */
export function planEpilogue(call: KernelCall, columns: number): Epilogue {
  const { bias } = call.inputs;
  const name = (call.attrs.activation as string | undefined) ?? "linear";
  const isRowBias = bias !== undefined && isRowOf(bias.shape, columns);
  const code = fusedCodes[name];
  const steps: ((x: TensorInfo) => TensorInfo)[] = [];
  // A bias of another shape (a scalar, one per row) comes between product and activation, so both are done outside.
  if (bias && !isRowBias) steps.push((x) => call.run("Add", { a: x, b: bias }));
  const isFused = code !== undefined && steps.length === 0;
  if (!isFused && name !== "linear") steps.push((x) => activate(call, name, x));
  return {
    bias: isRowBias ? bias : undefined,
    activation: isFused ? code : 0,
    after: (product) => steps.reduce((x, step) => replace(call, x, step), product),
  };
}

function isRowOf(shape: readonly number[], columns: number): boolean {
  return shape.at(-1) === columns && shape.slice(0, -1).every((n) => n === 1);
}

function replace(call: KernelCall, x: TensorInfo, step: (x: TensorInfo) => TensorInfo): TensorInfo {
  const y = step(x);
  if (y.dataId !== x.dataId) call.heap.release(x);
  return y;
}

function activate(call: KernelCall, name: string, x: TensorInfo): TensorInfo {
  if (name === "relu") return call.run("Relu", { x });
  if (name === "relu6") return call.run("Relu6", { x });
  const alpha = call.inputs.preluActivationWeights;
  const attrs: NamedAttrMap = { alpha: (call.attrs.leakyreluAlpha as number | undefined) ?? 0 };
  const inputs: Record<string, TensorInfo> = name === "prelu" && alpha ? { x, alpha } : { x };
  return call.run(kernelNames[name] ?? name, inputs, attrs);
}
