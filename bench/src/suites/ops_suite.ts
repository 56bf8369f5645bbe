import type { BenchCase, Suite } from "../bench_case.js";
import { adamWork, attentionWork, convWork, elementwiseWork, gatedWork, linearWork } from "../work_counts.js";

const widths = { S: [384, 6], B: [768, 12], L: [1024, 16] } as const;
/** 37 x 37 patches of a 518 x 518 image, and the class token. */
const tokens518 = 37 * 37 + 1;

/** How large the cases are. */
export type BenchSize = "full" | "quick" | "smoke";

/** The operations of ViT-S/B/L and of the decoder at 518 x 518, forward and with gradients. */
export function opsSuite(size: BenchSize): Suite {
  const names = { full: ["S", "B", "L"], quick: ["S"], smoke: ["S"] }[
    size
  ] as readonly (keyof typeof widths)[];
  const tokens = size === "full" ? tokens518 : size === "quick" ? 325 : 65;
  return {
    name: "ops",
    about: `Operations of ViT-S/B/L on ${tokens} tokens, of the decoder at ${imageSide[size]} x ${imageSide[size]} pixels, batch 1, and of a training step.`,
    freshProcesses: false,
    sides: ["glof", "glof-f16", "stock", "ort", "ort-webgpu", "torch", "torch-tuned", "torch-bf16"],
    cases: [
      ...names.flatMap((name) =>
        transformerCases(name, tokens).map((one) => ({ ...one, isMain: name === "S" })),
      ),
      ...[...gatedCases(tokens, size), ...imageCases(size), adamCase(size)].map((one) => ({
        ...one,
        isMain: true,
      })),
    ],
  };
}

const imageSide = { full: 518, quick: 252, smoke: 56 } as const;

function transformerCases(name: keyof typeof widths, tokens: number): BenchCase[] {
  const [width, heads] = widths[name];
  const hidden = 4 * width;
  const mlp = { rows: tokens, inner: width, cols: hidden };
  return [
    {
      name: `linear ${name} ${tokens} x ${width} -> ${hidden}`,
      task: { kind: "linear", args: { ...mlp, activation: "none", gradient: false } },
      ...linearWork(tokens, width, hidden, false),
    },
    {
      name: `linear ${name} + gradients`,
      task: { kind: "linear", args: { ...mlp, activation: "none", gradient: true } },
      ...linearWork(tokens, width, hidden, true),
    },
    {
      name: `linear + GELU ${name}`,
      task: { kind: "linear", args: { ...mlp, activation: "gelu", gradient: false } },
      ...linearWork(tokens, width, hidden, false),
    },
    {
      name: `linear + SwiGLU ${name}`,
      task: { kind: "linear", args: { ...mlp, activation: "swiglu", gradient: false } },
      flop: linearWork(tokens, width, hidden, false).flop,
      // Half of the columns are gates, which no one keeps.
      bytes: linearWork(tokens, width, hidden, false).bytes - 2 * tokens * hidden,
    },
    {
      name: `attention ${name} ${heads} x ${tokens} x 64`,
      task: { kind: "attention", args: { batch: 1, tokens, width, heads, gradient: false } },
      ...attentionWork(1, tokens, width, false),
    },
    {
      name: `attention ${name} + gradients`,
      task: { kind: "attention", args: { batch: 1, tokens, width, heads, gradient: true } },
      ...attentionWork(1, tokens, width, true),
    },
    ...elementwise(name, tokens, width, hidden),
  ];
}

/** Operations per value are those of the formulas; erf and exp count as 10. */
function elementwise(name: string, tokens: number, width: number, hidden: number): BenchCase[] {
  return [
    {
      name: `layerNorm ${name} ${tokens} x ${width}`,
      task: { kind: "layerNorm", args: { rows: tokens, cols: width, gradient: false } },
      ...elementwiseWork(tokens * width, 8, false),
    },
    {
      name: `layerNorm ${name} + gradients`,
      task: { kind: "layerNorm", args: { rows: tokens, cols: width, gradient: true } },
      ...elementwiseWork(tokens * width, 8, true),
    },
    {
      name: `gelu ${name} ${tokens} x ${hidden}`,
      task: { kind: "gelu", args: { rows: tokens, cols: hidden, gradient: false } },
      ...elementwiseWork(tokens * hidden, 14, false),
    },
    {
      name: `softmax ${name} ${tokens} x ${tokens}`,
      task: { kind: "softmax", args: { rows: tokens, cols: tokens, gradient: false } },
      ...elementwiseWork(tokens * tokens, 13, false),
    },
  ];
}

/** The decoder's shapes: half and full resolution of the image, and the patch grid. */
function imageCases(size: BenchSize): BenchCase[] {
  const side = imageSide[size];
  const shapes: [rows: number, from: number, to: number][] = [
    [side / 14, 64, 64],
    [side / 2, 64, 32],
    [side, 32, 16],
  ];
  const convs = shapes.flatMap(([rows, from, to]) =>
    [false, true].map((gradient) => ({
      name: `conv 3x3 ${rows} x ${rows} x ${from} -> ${to}${gradient ? " + gradients" : ""}`,
      task: { kind: "conv", args: { rows, from, to, kernel: 3, gradient } },
      ...convWork([rows, rows, from], [rows, rows, to], 3, gradient),
    })),
  );
  const [small, large] = [Math.round(side / 7), side / 2];
  const values = large * large * 64;
  const resizes = [false, true].map((gradient) => ({
    name: `bilinear ${small} -> ${large} x 64 channels${gradient ? " + gradients" : ""}`,
    task: { kind: "resize", args: { small, large, channels: 64, gradient } },
    ...elementwiseWork(values, 6, gradient),
  }));
  return [...convs, ...normCases(side), ...resizes, sortCase(side * side)];
}

/** The middle of ViT-g's SwiGLU. */
function gatedCases(tokens: number, size: BenchSize): BenchCase[] {
  const width = size === "smoke" ? 64 : 4096;
  return [false, true].map((gradient) => ({
    name: `gatedSilu ${tokens} x 2 x ${width}${gradient ? " + gradients" : ""}`,
    task: { kind: "gatedSilu", args: { rows: tokens, cols: 2 * width, gradient } },
    ...gatedWork(tokens, width, gradient),
  }));
}

/** What follows the decoder's convolutions. Batch norm by running statistics is part of the convolution's arithmetic: 4 a value. */
function normCases(side: number): BenchCase[] {
  const [half, from, to] = [side / 2, 64, 32];
  const groups = [false, true].map((gradient) => ({
    name: `group norm + ReLU ${side} x ${side} x 16${gradient ? " + gradients" : ""}`,
    task: { kind: "groupNorm", args: { rows: side, channels: 16, groups: 8, gradient } },
    ...elementwiseWork(side * side * 16, 9, gradient),
  }));
  const batches = [false, true].map((gradient) => ({
    name: `batch norm in training + ReLU ${side} x ${side} x 16${gradient ? " + gradients" : ""}`,
    task: { kind: "batchNorm", args: { rows: side, channels: 16, gradient } },
    ...elementwiseWork(side * side * 16, 9, gradient),
    leftOut: { ort: "does not train", "ort-webgpu": "does not train" },
  }));
  const conv = convWork([half, half, from], [half, half, to], 3, false);
  return [
    ...groups,
    ...batches,
    {
      name: `conv 3x3 + batch norm + ReLU ${half} x ${half} x ${from} -> ${to}`,
      task: { kind: "convNorm", args: { rows: half, from, to, kernel: 3, gradient: false } },
      flop: conv.flop + 4 * half * half * to,
      bytes: conv.bytes,
    },
  ];
}

/** A step of AdamW over all tensors of ViT-S's blocks: 12 times 14 of them. */
function adamCase(size: BenchSize): BenchCase {
  const [width, depth] = size === "smoke" ? [48, 2] : [384, 12];
  const values = depth * (12 * width * width + 15 * width);
  return {
    name: `AdamW ${14 * depth} tensors, ${(values / 1e6).toFixed(1)} million values`,
    task: { kind: "adam", args: { width, depth, gradient: false } },
    ...adamWork(values),
    leftOut: { ort: "has no optimiser", "ort-webgpu": "has no optimiser" },
  };
}

/** The pixels of an image in order; n log2 n comparisons, values read, values and indices written. */
function sortCase(values: number): BenchCase {
  return {
    name: `sort ${values}`,
    task: { kind: "sort", args: { values, gradient: false } },
    flop: values * Math.log2(values),
    bytes: 12 * values,
    tolerance: 0,
  };
}
