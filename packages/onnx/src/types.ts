/** Element types of tensors in a graph. */
export type OnnxDtype = "float32" | "int64";

/** A size, or the name of one that is known only when the model runs, such as `"batch"`. */
export type OnnxDim = number | string;

/** A tensor that flows through a graph: the output of a node, an input or a stored tensor. */
export interface OnnxValue {
  readonly name: string;
  readonly dtype: OnnxDtype;
  readonly shape: readonly OnnxDim[];
}

/** Numbers of a stored tensor, row-major. */
export type OnnxNumbers = Float32Array | BigInt64Array;

/** A tensor stored in the file: its numbers are asked for when they are written, one tensor at a time. */
export interface OnnxStored extends OnnxValue {
  readonly shape: readonly number[];
  readonly read: () => OnnxNumbers | Promise<OnnxNumbers>;
}

/** An attribute of a node; ONNX tells integers and floats apart. */
export type OnnxAttribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly number[] };

/** One operation. */
export interface OnnxNode {
  readonly name: string;
  readonly op: string;
  /** Empty for ONNX's own operations; `com.microsoft` for those of ONNX Runtime. */
  readonly domain: string;
  /** Names of values; an empty name leaves out an optional input. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

/** A whole model, ready to be written. */
export interface OnnxModel {
  readonly name: string;
  /** Version of ONNX's set of operations. */
  readonly opset: number;
  readonly nodes: readonly OnnxNode[];
  readonly stored: readonly OnnxStored[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** Free text under names, which programs can read from the file. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Gives the numbers of a parameter by its name, in PyTorch's layout: `(name) => checkpoint.readFloat32(name)`. */
export type WeightReader = (name: string) => Promise<Float32Array>;
