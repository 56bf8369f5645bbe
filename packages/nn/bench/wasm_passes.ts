// Speed of the WASM kernels that go over numbers a few times: norms, activations, softmax, losses. One thread.
//
//   pnpm tsx --tsconfig tsconfig.json packages/nn/bench/wasm_passes.ts [part of a case's name]
//
// Times are CPU time, the least of the rounds. A number is one of the first input; bytes are those of inputs and results, each
// counted once, so that a rate says how fast memory would have to be if a kernel went over everything just once.

import * as tf from "@tensorflow/tfjs-core";
import * as nn from "../src/index.js";
import "@tensorflow/tfjs-backend-wasm";

interface Pass {
  readonly name: string;
  readonly kernel: string;
  readonly shapes: Readonly<Record<string, number[]>>;
  readonly attrs?: Readonly<Record<string, unknown>>;
}

const image = [1, 252, 252, 16];
const rows = [252 * 252, 16];
const row = { mean: [16], variance: [16], gamma: [16], beta: [16] };
const norm = { epsilon: 1e-5, activation: "relu" };
const groups = { ...norm, groups: 8 };
const plainLoss = {
  multilabel: false,
  ignore: 255,
  smoothing: 0,
  gamma: 2,
  weightOfTrue: 1,
  weightOfFalse: 1,
  threshold: 0,
};
const losses = ["entropy", "region", "focal"].flatMap((kind): Pass[] => {
  const shapes = { logits: [63504, 4], labels: [63504] };
  const attrs = { ...plainLoss, kind };
  return [
    { name: `${kind} loss 63504 x 4`, kernel: "GlofClassSums", shapes, attrs },
    { name: "its gradient", kernel: "GlofClassSlopes", shapes: { ...shapes, coefficients: [2, 4] }, attrs },
  ];
});
const pixelLosses = ["bce", "region", "counts"].flatMap((kind): Pass[] => {
  const shapes = { logits: [254016], labels: [254016] };
  const attrs = { kind, ignore: 255, smooth: 0, posWeight: 1 };
  return [
    { name: `${kind} loss 254016 x 1`, kernel: "GlofPixelSums", shapes, attrs },
    { name: "its gradient", kernel: "GlofPixelSlopes", shapes: { ...shapes, coefficients: [2] }, attrs },
  ];
});
const tokens = [1296, 192];
const wide = [1296, 768];

const passes: readonly Pass[] = [
  {
    name: "moments 63504 x 16",
    kernel: "GlofMoments",
    shapes: { x: rows, runningMean: [16], runningVar: [16] },
    attrs: { momentum: 0.1 },
  },
  { name: "batch norm + relu 63504 x 16", kernel: "GlofNormalise", shapes: { x: rows, ...row }, attrs: norm },
  {
    name: "its gradient",
    kernel: "GlofNormaliseGrad",
    shapes: { x: rows, ...row, dy: rows },
    attrs: { ...norm, fixed: false },
  },
  {
    name: "group norm + relu 252 x 252 x 16, 8 groups",
    kernel: "GlofGroupNorm",
    shapes: { x: image, gamma: [16], beta: [16] },
    attrs: groups,
  },
  {
    name: "its gradient",
    kernel: "GlofGroupNormGrad",
    shapes: { x: image, gamma: [16], beta: [16], dy: image },
    attrs: groups,
  },
  {
    name: "layer norm 1296 x 192",
    kernel: "GlofLayerNorm",
    shapes: { x: tokens, gamma: [192], beta: [192] },
    attrs: norm,
  },
  {
    name: "its gradient",
    kernel: "GlofLayerNormGrad",
    shapes: { x: tokens, gamma: [192], dy: tokens },
    attrs: norm,
  },
  { name: "gelu 1296 x 768", kernel: "GlofGelu", shapes: { x: wide } },
  { name: "its gradient", kernel: "GlofGeluGrad", shapes: { x: wide, dy: wide } },
  { name: "gated silu 1296 x 2 x 768", kernel: "GlofGatedSilu", shapes: { both: [1296, 1536] } },
  { name: "its gradient", kernel: "GlofGatedSiluGrad", shapes: { both: [1296, 1536], dy: wide } },
  { name: "softmax 1296 x 324", kernel: "GlofSoftmax", shapes: { x: [1296, 324] } },
  { name: "its gradient", kernel: "GlofSoftmaxGrad", shapes: { y: [1296, 324], dy: [1296, 324] } },
  { name: "softmax 63504 x 4", kernel: "GlofSoftmax", shapes: { x: [63504, 4] } },
  { name: "its gradient", kernel: "GlofSoftmaxGrad", shapes: { y: [63504, 4], dy: [63504, 4] } },
  ...pixelLosses,
  ...losses,
];

await tf.setBackend("wasm");
const { reason } = await nn.installWasmKernels();
console.log(`${reason} ${process.version}, ${new Date().toISOString().slice(0, 10)}\n`);
console.log("| case | µs | ns a number | GB/s |\n|---|---|---|---|");
const wanted = process.argv[2] ?? "";
let family = "";
for (const pass of passes) {
  if (!pass.name.startsWith("its")) family = pass.name;
  if (family.includes(wanted)) measure(pass);
}

function measure({ name, kernel, shapes, attrs = {} }: Pass): void {
  const inputs = Object.fromEntries(
    // Positive, so that a variance is one.
    Object.entries(shapes).map(([key, shape], i) => [key, tf.randomUniform(shape, 0.1, 1, "float32", i)]),
  );
  const size = (tensors: readonly tf.Tensor[]): number => tensors.reduce((sum, one) => sum + one.size, 0);
  let least = Number.POSITIVE_INFINITY;
  let bytes = 0;
  const end = performance.now() + 1000;
  for (let round = 0; round < 10 || performance.now() < end; round++) {
    const { user, system } = process.cpuUsage();
    const results = [
      tf.engine().runKernel(kernel, inputs as tf.NamedTensorMap, attrs as tf.NamedAttrMap),
    ].flat() as tf.Tensor[];
    const after = process.cpuUsage({ user, system });
    least = Math.min(least, after.user + after.system);
    bytes = 4 * (size(Object.values(inputs)) + size(results));
    tf.dispose(results);
  }
  const [first] = Object.values(inputs) as [tf.Tensor];
  const cells = [
    least.toFixed(0),
    ((1000 * least) / first.size).toFixed(2),
    (bytes / least / 1000).toFixed(1),
  ];
  console.log(`| ${name} | ${cells.join(" | ")} |`);
  tf.dispose(inputs);
}
