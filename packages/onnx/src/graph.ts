import { GlofError } from "@glof/core";
import type {
  OnnxAttribute,
  OnnxDim,
  OnnxDtype,
  OnnxModel,
  OnnxNode,
  OnnxNumbers,
  OnnxStored,
  OnnxValue,
} from "./types.js";

/** Sets of operations that the builder knows: what it uses means the same in all of them. */
export const ONNX_OPSETS = { oldest: 17, newest: 22, default: 20 } as const;

/** Options of `OnnxGraph`. */
export interface OnnxGraphOptions {
  /** Shown by viewers. Default `"glof"`. */
  readonly name?: string | undefined;
  /** Version of ONNX's set of operations, 17 to 22. Default 20. */
  readonly opset?: number | undefined;
}

/** A node to add: shapes of its outputs are the caller's business (see the functions of this package). */
export interface NodeToAdd {
  readonly inputs: readonly (OnnxValue | undefined)[];
  readonly shapes: readonly (readonly OnnxDim[])[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
  readonly domain?: string;
}

/**
 * A model being put together, node by node: inputs first, outputs last, `finish` at the end. It holds no numbers: stored
 * tensors are functions that give them.
 *
 * @throws GlofError `bad-argument` for a set of operations that the builder does not know
 */
export class OnnxGraph {
  readonly opset: number;
  private readonly name: string;
  private readonly nodes: OnnxNode[] = [];
  private readonly stored: OnnxStored[] = [];
  private readonly inputs: OnnxValue[] = [];
  private readonly outputs: OnnxValue[] = [];
  private readonly names = new Set<string>();

  constructor({ name = "glof", opset = ONNX_OPSETS.default }: OnnxGraphOptions = {}) {
    const { oldest, newest } = ONNX_OPSETS;
    if (!Number.isInteger(opset) || opset < oldest || opset > newest) {
      throw new GlofError(
        "bad-argument",
        `OnnxGraph: expected an opset from ${oldest} to ${newest}, got ${opset}. Choose one of them.`,
        { opset },
      );
    }
    this.name = name;
    this.opset = opset;
  }

  /** What the model is given. */
  input(name: string, shape: readonly OnnxDim[], dtype: OnnxDtype = "float32"): OnnxValue {
    const value = { name: this.takeName(name), dtype, shape };
    this.inputs.push(value);
    return value;
  }

  /** Numbers of a parameter, read when the model is written. Its name is shown by viewers. */
  weight(
    name: string,
    shape: readonly number[],
    read: () => Float32Array | Promise<Float32Array>,
  ): OnnxValue {
    return this.store({ name: this.takeName(name), dtype: "float32", shape, read });
  }

  /** Small numbers that are part of the model's definition. Default shape: a list. */
  floats(values: readonly number[] | Float32Array, shape: readonly number[] = [values.length]): OnnxValue {
    const numbers = Float32Array.from(values);
    return this.store({ name: this.freeName("floats"), dtype: "float32", shape, read: () => numbers });
  }

  /** Whole numbers such as sizes and axes. */
  ints(values: readonly number[]): OnnxValue {
    const numbers: OnnxNumbers = BigInt64Array.from(values, BigInt);
    const shape = [values.length];
    return this.store({ name: this.freeName("ints"), dtype: "int64", shape, read: () => numbers });
  }

  /** Adds an operation; its outputs have the type of its first input. */
  node(op: string, { inputs, shapes, attributes = {}, domain = "" }: NodeToAdd): OnnxValue[] {
    const name = this.freeName(op);
    const dtype = inputs[0]?.dtype ?? "float32";
    const outputs = shapes.map((shape, index): OnnxValue => {
      const suffix = shapes.length === 1 ? "" : `_${index}`;
      return { name: this.takeName(`${name}_out${suffix}`), dtype, shape };
    });
    this.nodes.push({
      name,
      op,
      domain,
      inputs: inputs.map((input) => input?.name ?? ""),
      outputs: outputs.map((output) => output.name),
      attributes,
    });
    return outputs;
  }

  /** What the model gives, under a name for its users. */
  output(name: string, value: OnnxValue): void {
    const output = { ...value, name: this.takeName(name) };
    this.nodes.push({
      name: this.freeName("Identity"),
      op: "Identity",
      domain: "",
      inputs: [value.name],
      outputs: [output.name],
      attributes: {},
    });
    this.outputs.push(output);
  }

  /**
   * The model.
   *
   * @throws GlofError `bad-argument` without an output
   */
  finish(metadata: Readonly<Record<string, string>> = {}): OnnxModel {
    if (this.outputs.length === 0) {
      throw new GlofError(
        "bad-argument",
        `OnnxGraph(${this.name}): expected at least one output, got none. Call output before finish.`,
      );
    }
    const { name, opset, nodes, stored, inputs, outputs } = this;
    return {
      name,
      opset,
      nodes: [...nodes],
      stored: [...stored],
      inputs: [...inputs],
      outputs: [...outputs],
      metadata,
    };
  }

  private store(stored: OnnxStored): OnnxValue {
    this.stored.push(stored);
    return stored;
  }

  private freeName(stem: string): string {
    let count = this.names.size;
    while (this.names.has(`${stem}_${count}`)) count++;
    return this.takeName(`${stem}_${count}`);
  }

  private takeName(name: string): string {
    if (name !== "" && !this.names.has(name)) {
      this.names.add(name);
      return name;
    }
    throw new GlofError(
      "bad-argument",
      `OnnxGraph(${this.name}): expected a name that is not taken, got "${name}". Give each value its own.`,
      { name },
    );
  }
}
