import { GlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { compileOnly } from "../compute_pass.js";

interface CompilingBackend {
  readonly device: GPUDevice;
  /** What compiles is a promise. */
  pipelineCache: Record<string, unknown>;
}

/**
 * Compiles the shaders of a pass, side by side and without computing anything, so that the first real one does not wait for them
 * one after the other. It returns once the driver has them all; what computes meanwhile compiles its own. On other backends it
 * does nothing.
 *
 * @param run the pass as it will be used; its results are without meaning, it may not read numbers back, and what it makes is disposed
 * @throws GlofError `internal` when the device refuses a shader
 */
export async function warmUpWebgpu(run: () => unknown): Promise<void> {
  const refusal = await refusalOf(run);
  if (refusal === undefined) return;
  const { message, cause } = refusal;
  throw new GlofError(
    "internal",
    `warmUpWebgpu: expected shaders that compile, got: ${message}. Do report it.`,
    { cause },
  );
}

/** Why a device does not take a shader. */
export interface Refusal {
  readonly message: string;
  readonly cause: unknown;
}

/**
 * Compiles the shaders of a pass, as `warmUpWebgpu`, and says why one of them is refused. A refused pipeline that is recorded spoils
 * the whole command buffer with what others recorded there: whoever tries a form first asks here.
 */
export async function refusalOf(run: () => unknown): Promise<Refusal | undefined> {
  if (tf.getBackend() !== "webgpu") return undefined;
  const backend = tf.backend() as unknown as CompilingBackend;
  const { device, pipelineCache } = backend;
  // Promises go into a cache of their own that sees the real one: nobody else can use a shader before it is compiled.
  const coming: Record<string, unknown> = Object.create(pipelineCache);
  backend.pipelineCache = coming;
  tf.env().set(compileOnly, true);
  device.pushErrorScope("validation");
  let invalid: Promise<GPUError | null>;
  try {
    tf.tidy(() => void run());
  } finally {
    tf.env().set(compileOnly, false);
    backend.pipelineCache = pipelineCache;
    invalid = device.popErrorScope();
  }
  const failed = await keep(coming, pipelineCache);
  // What is wrong with a module says more than that its pipeline is refused.
  const error = (await invalid) ?? failed?.reason;
  if (error === undefined) return undefined;
  return { message: "message" in Object(error) ? String(error.message) : String(error), cause: error };
}

/** Puts what was compiled into the cache, unless somebody else was faster; the first that was refused. */
async function keep(
  coming: Record<string, unknown>,
  cache: Record<string, unknown>,
): Promise<PromiseRejectedResult | undefined> {
  const compiled = await Promise.allSettled(
    Object.entries(coming).map(async ([key, pipeline]) => {
      const ready = await pipeline;
      cache[key] ??= ready;
    }),
  );
  return compiled.find(({ status }) => status === "rejected") as PromiseRejectedResult | undefined;
}
