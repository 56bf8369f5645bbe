// Speed of our WASM kernels beside the stock ones of tfjs-backend-wasm, one thread, interleaved in one process.
//
//   pnpm tsx packages/nn/bench/wasm_kernels.ts [part of a case's name]
//
// Times are the fastest of the rounds; a ratio is stock time / our time. It prints a Markdown table.

import * as tf from "@tensorflow/tfjs-core";
import { installWasmKernels } from "../src/wasm/install.js";
import "@tensorflow/tfjs-backend-wasm";

interface Measured {
  readonly name: string;
  readonly kernel: string;
  readonly gflop: number;
  readonly inputs: () => Record<string, tf.Tensor>;
  readonly attrs: Record<string, unknown>;
}

await tf.setBackend("wasm");
const stock = new Map(tf.getKernelsForBackend("wasm").map((config) => [config.kernelName, config.kernelFunc]));
const { reason } = await installWasmKernels();
const filter = process.argv[2] ?? "";

const normal = (...shape: number[]) => tf.randomNormal(shape, 0, 1, "float32", 1);

function product(name: string, a: number[], b: number[], transposeA: boolean, transposeB: boolean): Measured {
  const batch = a.slice(0, -2).reduce((x, y) => x * y, 1);
  const [k, m] = transposeA ? a.slice(-2) : a.slice(-2).reverse();
  const n = transposeB ? b.at(-2)! : b.at(-1)!;
  return {
    name: `${name} ${transposeA ? "A^T" : "A"} ${transposeB ? "B^T" : "B"}: ${batch} x ${m} x ${k} x ${n}`,
    kernel: "BatchMatMul",
    gflop: (2 * batch * m! * n * k!) / 1e9,
    inputs: () => ({ a: normal(...a), b: normal(...b) }),
    attrs: { transposeA, transposeB },
  };
}

function convolution(size: number, inChannels: number, outChannels: number, kernel: number, stride = 1): Measured[] {
  const x = [1, size, size, inChannels];
  const weights = [kernel, kernel, inChannels, outChannels];
  const out = Math.ceil(size / stride);
  const y = [1, out, out, outChannels];
  const common = { strides: stride, pad: "same", dilations: 1, dataFormat: "NHWC" };
  const gflop = (2 * out * out * kernel * kernel * inChannels * outChannels) / 1e9;
  const name = `conv ${kernel}x${kernel}/${stride} ${size}x${size}x${inChannels} -> ${outChannels}`;
  return [
    {
      name: `${name} forward`,
      kernel: "Conv2D",
      gflop,
      inputs: () => ({ x: normal(...x), filter: normal(...weights) }),
      attrs: common,
    },
    {
      name: `${name} dX`,
      kernel: "Conv2DBackpropInput",
      gflop,
      inputs: () => ({ dy: normal(...y), filter: normal(...weights) }),
      attrs: { ...common, inputShape: x },
    },
    {
      name: `${name} dW`,
      kernel: "Conv2DBackpropFilter",
      gflop,
      inputs: () => ({ x: normal(...x), dy: normal(...y) }),
      attrs: { ...common, filterShape: weights },
    },
  ];
}

const cases: Measured[] = [
  product("gemm", [1370, 1024], [1024, 4096], false, false),
  product("linear", [324, 192], [192, 768], false, false),
  product("linear dX", [324, 768], [192, 768], false, true),
  product("linear dW", [324, 192], [324, 768], true, false),
  product("q k^T", [3, 324, 64], [3, 324, 64], false, true),
  product("p v", [3, 324, 324], [3, 324, 64], false, false),
  product("p^T dO", [3, 324, 324], [3, 324, 64], true, false),
  ...convolution(252, 16, 16, 3),
  ...convolution(126, 96, 32, 3),
  ...convolution(252, 32, 1, 1),
  ...convolution(252, 6, 192, 14, 14),
  ...convolution(252, 32, 64, 3, 2),
];

console.log(`${reason} ${process.version}, ${new Date().toISOString().slice(0, 10)}\n`);
console.log("| case | stock ms | ours ms | ratio | stock GFLOPS | our GFLOPS |\n|---|---|---|---|---|---|");
for (const one of cases.filter(({ name }) => name.includes(filter))) measure(one);

function measure({ name, kernel, gflop, inputs, attrs }: Measured): void {
  const given = inputs();
  const backend = tf.backend();
  const once = (run: tf.KernelFunc): number => {
    const start = performance.now();
    const out = run({ inputs: given as tf.NamedTensorMap, backend, attrs: attrs as tf.NamedAttrMap }) as tf.TensorInfo;
    const ms = performance.now() - start;
    backend.disposeData(out.dataId);
    return ms;
  };
  const before = stock.get(kernel);
  const after = tf.getKernel(kernel, "wasm").kernelFunc;
  let [slow, fast] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const end = performance.now() + 1500;
  for (let round = 0; round < 3 || performance.now() < end; round++) {
    for (let i = 0; i < 4; i++) fast = Math.min(fast, once(after));
    if (before) slow = Math.min(slow, once(before));
  }
  const cells = [slow, fast, slow / fast, gflop / slow, gflop / fast].map((v, i) =>
    before || i === 1 || i === 4 ? (i > 2 ? (v * 1e3).toFixed(1) : v.toPrecision(3)) : "none",
  );
  console.log(`| ${name} | ${cells.join(" | ")} |`);
  tf.dispose(given);
}
