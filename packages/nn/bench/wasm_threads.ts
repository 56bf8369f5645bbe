// Speed of our WASM kernels on one thread and on several, beside the stock kernels of tfjs-backend-wasm.
//
//   pnpm tsx --tsconfig tsconfig.json packages/nn/bench/wasm_threads.ts [threads, default 2]
//
// The three take turns, each in a process of its own, so that other work on the machine falls on all of them alike. Times
// are milliseconds; a ratio is that of the least times. The CPU time of a run on several threads shows what sharing the work
// costs: it would be that of one thread if it cost nothing.

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs-core";
import * as nn from "../src/index.js";
import "@tensorflow/tfjs-backend-wasm";

const normal = (...shape: number[]) => tf.randomNormal(shape, 0, 1, "float32", 1);

/** Value and gradients of a linear layer, as the matrix products behind it. */
function backwardOf(rows: number, inSize: number, outSize: number): () => tf.Tensor[] {
  const [x, w, dy] = [normal(rows, inSize), normal(inSize, outSize), normal(rows, outSize)];
  return () => [tf.matMul(dy, w, false, true), tf.matMul(x, dy, true, false)];
}

function conv(size: number, inChannels: number, outChannels: number): () => tf.Tensor[] {
  const x = normal(1, size, size, inChannels) as tf.Tensor4D;
  const w = normal(3, 3, inChannels, outChannels) as tf.Tensor4D;
  return () => [tf.conv2d(x, w, 1, "same")];
}

function attention(tokens: number, heads: number): () => tf.Tensor[] {
  const qkv = normal(1, tokens, 3 * 64 * heads) as tf.Tensor3D;
  return () => [nn.multiHeadAttention(qkv, heads)];
}

const cases: Record<string, () => () => tf.Tensor[]> = {
  "linear 1370 x 384 x 1536": () => {
    const [x, w] = [normal(1370, 384), normal(384, 1536)];
    return () => [tf.matMul(x, w)];
  },
  "linear backward 1370 x 384 x 1536": () => backwardOf(1370, 384, 1536),
  "attention 1370, 6 heads of 64": () => attention(1370, 6),
  "conv 3x3 126x126x96 -> 32": () => conv(126, 96, 32),
};

interface Measured {
  readonly wall: number;
  readonly cpu: number;
}

/** A child: measures the case it is told, once per message, until it is told nothing. */
async function serve(side: string): Promise<void> {
  const threads = Number(side);
  const start = () => tf.setBackend("wasm");
  await (threads > 1 ? nn.withSharedWasmHeap(start) : start());
  if (side !== "stock") await nn.installWasmKernels({ threads });
  const prepared = new Map<string, () => tf.Tensor[]>();
  process.on("message", (name: string) => {
    if (!prepared.has(name)) prepared.set(name, cases[name]!());
    const run = () =>
      side === "stock" ? nn.withReferenceKernels(prepared.get(name)!) : prepared.get(name)!();
    const [start, used] = [performance.now(), process.cpuUsage()];
    tf.dispose(run());
    const { user, system } = process.cpuUsage(used);
    process.send!({ wall: performance.now() - start, cpu: (user + system) / 1000 });
  });
}

async function ask(child: ChildProcess, name: string): Promise<Measured> {
  child.send(name);
  const [measured] = await once(child, "message");
  return measured as Measured;
}

async function compare(threads: number): Promise<void> {
  const sides = ["stock", "1", String(threads)].map((side) =>
    fork(fileURLToPath(import.meta.url), ["--side", side]),
  );
  console.log(
    `| case | stock ms | 1 thread ms | ${threads} threads ms | stock / ${threads} | 1 / ${threads} | CPU ${threads} / 1 |`,
  );
  console.log("|---|---|---|---|---|---|---|");
  for (const name of Object.keys(cases)) {
    const best = sides.map(() => ({ wall: Number.POSITIVE_INFINITY, cpu: Number.POSITIVE_INFINITY }));
    for (let round = 0; round < 12; round++) {
      for (const [i, side] of sides.entries()) {
        if (i === 0 && round > 3) continue;
        const { wall, cpu } = await ask(side, name);
        best[i] = { wall: Math.min(best[i]!.wall, wall), cpu: Math.min(best[i]!.cpu, cpu) };
      }
    }
    const [stock, one, many] = best as [Measured, Measured, Measured];
    const cells = [
      stock.wall,
      one.wall,
      many.wall,
      stock.wall / many.wall,
      one.wall / many.wall,
      many.cpu / one.cpu,
    ];
    console.log(`| ${name} | ${cells.map((cell) => cell.toPrecision(3)).join(" | ")} |`);
  }
  for (const side of sides) side.kill();
}

const [first, side] = process.argv.slice(2);
if (first === "--side") await serve(side!);
else await compare(Number(first ?? 2));
