// Speed of our WASM kernels beside the stock ones of tfjs-backend-wasm, one thread, interleaved in one process.
//
//   pnpm tsx --tsconfig tsconfig.json packages/nn/bench/wasm_kernels.ts [part of a case's name]
//
// Times are milliseconds of CPU time, the least of the rounds; a ratio is stock time / our time. It prints two Markdown
// tables: single kernels, then operations of nn with their gradients, on our kernels and with `withReferenceKernels`.

import * as tf from "@tensorflow/tfjs-core";
import * as nn from "../src/index.js";
import "@tensorflow/tfjs-backend-wasm";

interface Measured {
  readonly name: string;
  readonly kernel: string;
  readonly gflop: number;
  readonly inputs: () => Record<string, tf.Tensor>;
  readonly attrs: Record<string, unknown>;
}

await tf.setBackend("wasm");
const stock = new Map(
  tf.getKernelsForBackend("wasm").map((config) => [config.kernelName, config.kernelFunc]),
);
const { reason } = await nn.installWasmKernels();
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

function convolution(
  size: number,
  inChannels: number,
  outChannels: number,
  kernel: number,
  stride = 1,
): Measured[] {
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

/** CPU time of this process: other work on the machine counts for little. Only the sum is exact on Linux. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function measure({ name, kernel, gflop, inputs, attrs }: Measured): void {
  const given = inputs();
  const backend = tf.backend();
  const once = (run: tf.KernelFunc): number => {
    const start = cpuMs();
    const out = run({
      inputs: given as tf.NamedTensorMap,
      backend,
      attrs: attrs as tf.NamedAttrMap,
    }) as tf.TensorInfo;
    const ms = cpuMs() - start;
    backend.disposeData(out.dataId);
    return ms;
  };
  const before = stock.get(kernel);
  const after = tf.getKernel(kernel, "wasm").kernelFunc;
  let [slow, fast] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const end = performance.now() + 2000;
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

interface MeasuredOperation {
  readonly name: string;
  readonly shapes: Record<string, number[]>;
  readonly run: (x: Record<string, tf.Tensor>) => tf.Tensor;
}

const as4 = (x: tf.Tensor | undefined) => x as tf.Tensor4D;

function transformerBlock({ x, ...p }: Record<string, tf.Tensor>): tf.Tensor {
  const attended = nn.multiHeadAttention(nn.linear(nn.layerNorm(x!, p.g!, p.b!), p.qkv!) as tf.Tensor3D, 3);
  const y = tf.add(x!, nn.linear(attended, p.proj!));
  const hidden = nn.linear(nn.layerNorm(y, p.g!, p.b!), p.fc1!, undefined, { activation: "gelu" });
  return tf.add(y, nn.linear(hidden, p.fc2!));
}

const operations: MeasuredOperation[] = [
  {
    name: "transformer block, 4 x 324 x 192, 3 heads",
    shapes: {
      x: [4, 324, 192],
      g: [192],
      b: [192],
      qkv: [192, 576],
      proj: [192, 192],
      fc1: [192, 768],
      fc2: [768, 192],
    },
    run: transformerBlock,
  },
  {
    name: "multiHeadAttention 4 x 324 x 192, 3 heads",
    shapes: { x: [4, 324, 576] },
    run: ({ x }) => nn.multiHeadAttention(x as tf.Tensor3D, 3),
  },
  {
    name: "layerNorm 4 x 324 x 192",
    shapes: { x: [4, 324, 192], g: [192], b: [192] },
    run: ({ x, g, b }) => nn.layerNorm(x!, g!, b!),
  },
  {
    name: "groupNorm 1 x 252 x 252 x 16, 8 groups",
    shapes: { x: [1, 252, 252, 16], g: [16], b: [16] },
    run: ({ x, g, b }) => nn.groupNorm(as4(x), g!, b!, { groups: 8 }),
  },
  { name: "gelu 4 x 324 x 768", shapes: { x: [4, 324, 768] }, run: ({ x }) => nn.gelu(x!) },
  {
    name: "conv2d 3x3 126x126x96 -> 32, bias",
    shapes: { x: [1, 126, 126, 96], w: [3, 3, 96, 32], b: [32] },
    run: ({ x, w, b }) => nn.conv2d(as4(x), as4(w), b, { padding: 1 }),
  },
  {
    name: "resizeBilinear 126x126x32 -> 252x252",
    shapes: { x: [1, 126, 126, 32] },
    run: ({ x }) => nn.resizeBilinear(as4(x), [252, 252]),
  },
];

console.log("\n| operation, value and gradients | reference ms | ours ms | ratio |\n|---|---|---|---|");
for (const one of operations.filter(({ name }) => name.includes(filter))) measureOperation(one);

function measureOperation({ name, shapes, run }: MeasuredOperation): void {
  const inputs = Object.fromEntries(Object.entries(shapes).map(([key, shape]) => [key, normal(...shape)]));
  const once = (): number => {
    const start = cpuMs();
    const { value, grads } = nn.valueAndGrad(
      (given) => tf.sum(run(given as typeof inputs)) as tf.Scalar,
      inputs,
    );
    const ms = cpuMs() - start;
    tf.dispose([value, ...Object.values(grads)]);
    return ms;
  };
  let [slow, fast] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const end = performance.now() + 3000;
  for (let round = 0; round < 3 || performance.now() < end; round++) {
    for (let i = 0; i < 4; i++) fast = Math.min(fast, once());
    slow = Math.min(slow, nn.withReferenceKernels(once));
  }
  console.log(
    `| ${name} | ${slow.toPrecision(3)} | ${fast.toPrecision(3)} | ${(slow / fast).toPrecision(3)} |`,
  );
  tf.dispose(inputs);
}
