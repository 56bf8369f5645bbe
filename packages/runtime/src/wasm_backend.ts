import { withSharedWasmHeap } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import { importInNode, isNode, messageOf } from "./environment.js";
import { withoutEmscriptenListeners } from "./process_listeners.js";
import type { WasmOptions } from "./types.js";
import { unavailable } from "./unavailable.js";
import { hasRelaxedSimd } from "./wasm_features.js";

type BackendFactory = () => tf.KernelBackend | Promise<tf.KernelBackend>;

/** The stock factory: removing the backend also forgets it, and importing the package a second time does nothing. */
let stockFactory: BackendFactory | undefined;

/** Facts about the WASM backend that runs. */
export interface WasmFacts {
  readonly simd: boolean;
  /** Fused multiply-add in 128-bit registers, which doubles the speed of nn's kernels. */
  readonly relaxedSimd: boolean;
}

/**
 * Starts TensorFlow.js's `wasm` backend and makes it the current one.
 *
 * @throws GlofError `backend-unavailable` when its `.wasm` files cannot be had
 */
export async function startWasm({ path, threads }: WasmOptions): Promise<WasmFacts> {
  if (tf.findBackend("wasm")) await tf.setBackend("wasm");
  else await startAnew(path, threads);
  return {
    simd: (await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT")) as boolean,
    relaxedSimd: hasRelaxedSimd(),
  };
}

/** Stops the backend and lets go of its heap; nothing happens when none runs. */
export function releaseWasm(): void {
  const backend = tf.findBackend("wasm");
  if (!backend) return;
  tf.removeBackend("wasm");
  // Tensors that outlive the backend may still be disposed; the stock method would look for the heap that is gone.
  backend.disposeData = () => true;
}

async function startAnew(path: string | undefined, threads: number | undefined): Promise<void> {
  await checkFiles(path);
  await withoutEmscriptenListeners(async () => {
    const stock = await import("@tensorflow/tfjs-backend-wasm");
    stockFactory ??= tf.findBackendFactory("wasm") as BackendFactory;
    if (!tf.findBackendFactory("wasm")) tf.registerBackend("wasm", stockFactory, 2);
    if (path !== undefined) stock.setWasmPaths(path);
    if (threads !== undefined) stock.setThreadsCount(threads);
    const start = (): Promise<boolean> => tf.setBackend("wasm");
    // In an isolated page TensorFlow.js shares its heap by itself; in Node it never does.
    const started = await (isNode && threads !== 1 ? withSharedWasmHeap(start) : start());
    if (!started) throw unavailable("wasm", "its module does not start", "choose another backend");
  });
}

/**
 * Looks for the `.wasm` files first: TensorFlow.js prints several lines when it fails to load one, and refuses another
 * path from then on.
 */
async function checkFiles(path: string | undefined): Promise<void> {
  const advice = "pass the folder of @tensorflow/tfjs-backend-wasm/dist, with a / at its end, as wasm.path";
  if (path === undefined) {
    if (isNode) return;
    throw unavailable("wasm", "the address of its .wasm files is unknown", advice);
  }
  const file = `${path}tfjs-backend-wasm-simd.wasm`;
  const problem = await (isNode ? fileProblem(file) : urlProblem(file));
  if (problem !== undefined) throw unavailable("wasm", `${file}: ${problem}`, advice);
}

async function fileProblem(file: string): Promise<string | undefined> {
  const { access } = await importInNode<typeof import("node:fs/promises")>("node:fs/promises");
  return access(file).then(() => undefined, messageOf);
}

async function urlProblem(url: string): Promise<string | undefined> {
  return fetch(url, { method: "HEAD" }).then(
    ({ ok, status }) => (ok ? undefined : `the server answers ${status}`),
    messageOf,
  );
}
