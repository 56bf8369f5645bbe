import {
  getKernel,
  type KernelFunc,
  type NamedAttrMap,
  registerKernel,
  type TensorInfo,
  unregisterKernel,
} from "@tensorflow/tfjs-core";
import { areReferenceKernelsForced } from "../kernels/door.js";
import { heapOf, type WasmHeap } from "./heap.js";

/** What a kernel is called with. */
export interface KernelCall {
  readonly heap: WasmHeap;
  readonly inputs: Readonly<Record<string, TensorInfo | undefined>>;
  readonly attrs: NamedAttrMap;
  /** The kernel this one stands before; `undefined` where TensorFlow.js has none. */
  readonly stock: (() => TensorInfo) | undefined;
  /** Runs another kernel of the backend. */
  readonly run: (kernelName: string, inputs: Record<string, TensorInfo>, attrs?: NamedAttrMap) => TensorInfo;
}

/** One of our kernels: its registry name and what it does. It hands its output to the caller. */
export interface WasmKernel {
  readonly name: string;
  readonly compute: (call: KernelCall) => TensorInfo | TensorInfo[];
}

const BACKEND = "wasm";
const installed = new Set<string>();

/** Registers a kernel for backend "wasm" in front of the stock one, once. */
export function installKernel({ name, compute }: WasmKernel): void {
  if (installed.has(name)) return;
  installed.add(name);
  const stock = getKernel(name, BACKEND);
  const kernelFunc: KernelFunc = (params) => {
    if (stock && areReferenceKernelsForced()) return stock.kernelFunc(params);
    const { backend } = params;
    return compute({
      heap: heapOf(backend),
      inputs: params.inputs,
      attrs: params.attrs ?? {},
      stock: stock && (() => stock.kernelFunc(params) as TensorInfo),
      run: (kernelName, inputs, attrs = {}) =>
        getKernel(kernelName, BACKEND).kernelFunc({ inputs, attrs, backend }) as TensorInfo,
    });
  };
  if (stock) unregisterKernel(name, BACKEND);
  // The stock kernel's set-up stays: it binds the C++ function when a new backend starts.
  registerKernel({ ...stock, kernelName: name, backendName: BACKEND, kernelFunc });
}
