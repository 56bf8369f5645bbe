import { GlofError, isGlofError, type Logger, silentLogger } from "@glof/core";
import { installWasmKernels, installWebgpuKernels, useWebgpuPrecision } from "@glof/nn";
import { startCpu } from "./cpu_backend.js";
import { messageOf } from "./environment.js";
import { correctKernels } from "./kernel_corrections.js";
import { oneAtATime } from "./one_at_a_time.js";
import { startTensorflow } from "./tensorflow_backend.js";
import { loadTuning } from "./tuning_cache.js";
import {
  type BackendChoice,
  type BackendName,
  backendNames,
  type PassedOver,
  type WasmOptions,
  type WebgpuOptions,
} from "./types.js";
import { startWasm } from "./wasm_backend.js";
import { usefulThreads } from "./wasm_threads.js";
import { adapterFacts, requestAdapter } from "./webgpu_device.js";
import { ensureWebgpu, workingWebgpu } from "./webgpu_lifecycle.js";

/** Options of `selectBackend`. */
export interface SelectBackendOptions {
  /** Candidates, best first. Default: webgpu, tensorflow, wasm, cpu. */
  readonly prefer?: readonly BackendName[];
  /** The only acceptable backend: nothing else is tried, and a software GPU adapter is accepted. */
  readonly require?: BackendName;
  /** Hears which backend was chosen and which were passed over. Default: nobody. */
  readonly logger?: Logger;
  /**
   * Threads of the kernels on the wasm backend, from 1 on; results do not depend on their number. In a browser more than
   * one takes a cross-origin isolated page. Default: the processors there are, at most 8.
   */
  readonly threads?: number;
  readonly wasm?: WasmOptions;
  readonly webgpu?: WebgpuOptions;
}

/**
 * Chooses a backend, prepares it (own device, corrected kernels, the fast kernels of `@glof/nn`) and makes it the
 * current one of TensorFlow.js.
 *
 * A GPU adapter that computes on the processor comes after `tensorflow` and `wasm`, unless `require` asks for it. Called
 * again it keeps what runs, and replaces a GPU device that was lost; tensors on the lost device stay lost.
 *
 * @throws GlofError `backend-unavailable` when the required backend, or every preferred one, cannot be used: `details`
 * has `passedOver`, each with its reason. `bad-argument` for an unknown or empty choice, or a count of threads that is none.
 */
export function selectBackend(options: SelectBackendOptions = {}): Promise<BackendChoice> {
  checkNames(options);
  checkThreads(options.threads ?? options.wasm?.threads ?? 1);
  return oneAtATime(() => choose(options));
}

async function choose(options: SelectBackendOptions): Promise<BackendChoice> {
  const { prefer = backendNames, require, logger = silentLogger } = options;
  const candidates = require ? [require] : [...new Set(prefer)];
  const passedOver: PassedOver[] = [];
  for (let name = candidates.shift(); name; name = candidates.shift()) {
    if (name === "webgpu" && betterThanSoftware(candidates) && (await isSoftwareOnly(passedOver))) {
      candidates.splice(candidates.indexOf(betterThanSoftware(candidates)!) + 1, 0, name);
      continue;
    }
    try {
      const facts = await start(name, options);
      const choice = describe(name, facts, passedOver, require !== undefined);
      logger.info(`backend: ${choice.reason}`, choice.details);
      return choice;
    } catch (error) {
      if (require) throw error;
      passedOver.push({ name, reason: reasonOf(error) });
    }
  }
  throw noneLeft(passedOver);
}

/** Starts one backend and returns what is worth knowing about it. */
async function start(name: BackendName, options: SelectBackendOptions): Promise<Record<string, unknown>> {
  switch (name) {
    case "webgpu": {
      const facts = await ensureWebgpu(options.webgpu ?? {});
      correctKernels("webgpu");
      const kernels = await installWebgpuKernels();
      const precision = await useWebgpuPrecision(options.webgpu?.precision ?? "f32");
      return { ...facts, kernels, precision, tuning: await loadTuning() };
    }
    case "wasm": {
      const threads = options.threads ?? options.wasm?.threads ?? (await usefulThreads());
      const facts = await startWasm({ ...options.wasm, threads });
      correctKernels("wasm");
      const kernels = await installWasmKernels({ threads });
      return { ...facts, threads: kernels.threads, kernels };
    }
    case "tensorflow":
      return { ...(await startTensorflow()) };
    case "cpu":
      await startCpu();
      return {};
  }
}

/** The next candidate that computes faster on a processor than a GPU driver which only pretends. */
function betterThanSoftware(candidates: readonly BackendName[]): BackendName | undefined {
  return candidates.find((name) => name === "wasm" || name === "tensorflow");
}

/** Whether WebGPU is there and has nothing but a software adapter; then says so in `passedOver`, once. */
async function isSoftwareOnly(passedOver: PassedOver[]): Promise<boolean> {
  const facts = workingWebgpu()?.adapter ?? (await requestAdapter().then(adapterFacts, () => undefined));
  if (!facts?.isSoftware) return false;
  if (!passedOver.some(({ name }) => name === "webgpu")) {
    const reason = `its adapter, ${facts.description || facts.vendor}, computes on the processor`;
    passedOver.push({ name: "webgpu", reason });
  }
  return true;
}

function describe(
  name: BackendName,
  facts: Record<string, unknown>,
  passedOver: readonly PassedOver[],
  isRequired: boolean,
): BackendChoice {
  const others = passedOver.filter((other) => other.name !== name);
  const why = isRequired ? "it was required" : others.length === 0 ? "it is the first choice" : undefined;
  const reason = why ?? `passed over ${others.map((other) => `${other.name} (${other.reason})`).join(", ")}`;
  return { name, reason: `${name}: ${reason}`, details: { ...facts, passedOver: others } };
}

function reasonOf(error: unknown): string {
  if (isGlofError(error, "backend-unavailable")) return String(error.details.what);
  return messageOf(error);
}

function noneLeft(passedOver: readonly PassedOver[]): GlofError {
  const tried = passedOver.map(({ name, reason }) => `${name} (${reason})`).join("; ");
  return new GlofError(
    "backend-unavailable",
    `selectBackend: expected one of the preferred backends to be usable, got none: ${tried}. ` +
      "Do add wasm or cpu to prefer.",
    { passedOver },
  );
}

function checkNames({ prefer, require }: SelectBackendOptions): void {
  const names = require !== undefined ? [require] : (prefer ?? backendNames);
  const unknown = names.find((name) => !backendNames.includes(name));
  if (unknown === undefined && names.length > 0) return;
  throw new GlofError(
    "bad-argument",
    `selectBackend: expected some of ${backendNames.join(", ")}, got ${unknown === undefined ? "none" : `"${unknown}"`}. ` +
      "Do name at least one of them.",
  );
}

function checkThreads(threads: number): void {
  if (Number.isInteger(threads) && threads >= 1) return;
  throw new GlofError(
    "bad-argument",
    `selectBackend: expected threads to be a whole number from 1 on, got ${threads}. Do leave it out to use all processors.`,
  );
}
