import * as tf from "@tensorflow/tfjs-core";
import { areReferenceKernelsForced } from "../kernels/door.js";
import type { ShaderBackend } from "./shader.js";

/** What a kernel is called with. */
export interface KernelCall {
  readonly backend: ShaderBackend;
  readonly inputs: Readonly<Record<string, tf.TensorInfo>>;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** One of our kernels: its registry name and what it does. Results belong to the caller. */
export interface WebgpuKernel {
  readonly name: string;
  compute(call: KernelCall): tf.TensorInfo | tf.TensorInfo[];
}

/** A kernel of ours that stands before one of tfjs's own of the same name, for the calls it covers. */
export interface WebgpuOverride extends WebgpuKernel {
  covers(call: KernelCall): boolean;
}

const backendName = "webgpu";
const overridden = new Set<string>();

/** Puts our kernel before tfjs's, once; `withReferenceKernels` brings tfjs's back. */
export function overrideWebgpuKernel({ name, covers, compute }: WebgpuOverride): void {
  const stock = tf.getKernel(name, backendName);
  if (stock === undefined || overridden.has(name)) return;
  overridden.add(name);
  tf.unregisterKernel(name, backendName);
  tf.registerKernel({
    ...stock,
    kernelFunc: (params) => {
      const call = callOf(params);
      return areReferenceKernelsForced() || !covers(call) ? stock.kernelFunc(params) : compute(call);
    },
  });
}

/** Registers a kernel for backend "webgpu", unless it is there. */
export function registerWebgpuKernel({ name, compute }: WebgpuKernel): void {
  if (tf.getKernel(name, backendName) !== undefined) return;
  tf.registerKernel({
    kernelName: name,
    backendName,
    kernelFunc: (params) => compute(callOf(params)),
  });
}

function callOf({ inputs, attrs, backend }: Parameters<tf.KernelFunc>[0]): KernelCall {
  return {
    backend: backend as ShaderBackend,
    inputs: inputs as Record<string, tf.TensorInfo>,
    attributes: attrs ?? {},
  };
}
