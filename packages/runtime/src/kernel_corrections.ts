import * as tf from "@tensorflow/tfjs-core";

type Info = tf.TensorInfo;
type Backend = { disposeData(dataId: object): void };
type Attributes = Record<string, unknown>;

/** What TensorFlow.js hands to a kernel. */
interface KernelCall {
  readonly inputs: Record<string, Info | undefined>;
  readonly attrs: Attributes;
  readonly backend: Backend;
}

type KernelFunction = (call: KernelCall) => Info;
type Correction = (stock: KernelFunction, call: KernelCall) => Info;

/** Corrections that are in place: wrapping one again would only cost time. */
const corrected = new Set<string>();

/**
 * Replaces the kernels of TensorFlow.js 4.22.0 that give wrong numbers without a word, each by a composition of right
 * ones. The operations of `@glof/nn` do not need them; losses and models that a user brings may.
 *
 * - webgpu `AddN`: garbage from more inputs than the shader can bind
 * - webgpu `Cumsum`, `Cumprod` with `reverse`: the cached shader holds the length of the first call
 * - wasm `_FusedMatMul`: a bias goes wrong with more than one batch and with transposed operands
 */
export function correctKernels(backend: "webgpu" | "wasm"): void {
  if (backend === "webgpu") {
    correct(backend, "AddN", addInGroups);
    correct(backend, "Cumsum", accumulateForwards);
    correct(backend, "Cumprod", accumulateForwards);
  } else {
    correct(backend, "_FusedMatMul", unfuseMatMul);
  }
}

function correct(backendName: string, kernelName: string, correction: Correction): void {
  const id = `${backendName}/${kernelName}`;
  const stock = tf.getKernel(kernelName, backendName);
  if (!stock || corrected.has(id)) return;
  const stockFunction = stock.kernelFunc as unknown as KernelFunction;
  const kernelFunc = (call: KernelCall): Info => correction(stockFunction, call);
  tf.unregisterKernel(kernelName, backendName);
  tf.registerKernel({ ...stock, kernelFunc: kernelFunc as unknown as tf.KernelFunc });
  corrected.add(id);
}

/** Inputs per pass: with the output they stay within the 8 storage buffers that every WebGPU device grants. */
const addendsPerPass = 7;

function addInGroups(stock: KernelFunction, call: KernelCall): Info {
  const { attrs, backend } = call;
  const addends = call.inputs as unknown as readonly Info[];
  const add = (some: readonly Info[]): Info =>
    stock({ inputs: some as unknown as KernelCall["inputs"], attrs, backend });
  let sum = add(addends.slice(0, addendsPerPass));
  for (let next = addendsPerPass; next < addends.length; next += addendsPerPass - 1) {
    const before = sum;
    sum = add([before, ...addends.slice(next, next + addendsPerPass - 1)]);
    backend.disposeData(before.dataId);
  }
  return sum;
}

function accumulateForwards(stock: KernelFunction, call: KernelCall): Info {
  if (!call.attrs.reverse) return stock(call);
  const { inputs, attrs, backend } = call;
  const flip = kernel("webgpu", "Reverse", backend);
  const dims = [attrs.axis];
  const flipped = flip({ x: inputs.x }, { dims });
  const accumulated = stock({ inputs: { x: flipped }, attrs: { ...attrs, reverse: false }, backend });
  const result = flip({ x: accumulated }, { dims });
  for (const { dataId } of [flipped, accumulated]) backend.disposeData(dataId);
  return result;
}

/** The activations that may be fused, by the name of their own kernel. */
const activationKernels: Readonly<Record<string, string>> = {
  relu: "Relu",
  relu6: "Relu6",
  elu: "Elu",
  sigmoid: "Sigmoid",
  prelu: "Prelu",
  leakyrelu: "LeakyRelu",
};

function unfuseMatMul(stock: KernelFunction, call: KernelCall): Info {
  const { inputs, attrs, backend } = call;
  const { a, b, bias } = inputs;
  const isPlain = a!.shape[0] === 1 && b!.shape[0] === 1 && !attrs.transposeA && !attrs.transposeB;
  if (!bias || isPlain) return stock(call);
  const product = kernel("wasm", "BatchMatMul", backend)({ a, b }, attrs);
  const sum = kernel("wasm", "Add", backend)({ a: product, b: bias }, {});
  backend.disposeData(product.dataId);
  const activation = activationKernels[String(attrs.activation)];
  if (!activation) return sum;
  const result = kernel(
    "wasm",
    activation,
    backend,
  )(activation === "Prelu" ? { x: sum, alpha: inputs.preluActivationWeights } : { x: sum }, {
    alpha: attrs.leakyreluAlpha,
  });
  backend.disposeData(sum.dataId);
  return result;
}

/** Another kernel of the same backend, called outside the tape. */
function kernel(backendName: string, kernelName: string, backend: Backend) {
  const { kernelFunc } = tf.getKernel(kernelName, backendName);
  return (inputs: KernelCall["inputs"], attrs: Attributes): Info =>
    (kernelFunc as unknown as KernelFunction)({ inputs, attrs, backend });
}
