import { GlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { compileOnly } from "../compute_pass.js";

interface CompilingBackend {
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
  if (tf.getBackend() !== "webgpu") return;
  const backend = tf.backend() as unknown as CompilingBackend;
  const { pipelineCache } = backend;
  // Promises go into a cache of their own that sees the real one: nobody else can use a shader before it is compiled.
  const coming: Record<string, unknown> = Object.create(pipelineCache);
  backend.pipelineCache = coming;
  tf.env().set(compileOnly, true);
  try {
    tf.tidy(() => void run());
  } finally {
    tf.env().set(compileOnly, false);
    backend.pipelineCache = pipelineCache;
    await keep(coming, pipelineCache);
  }
}

/** Puts what was compiled into the cache, unless somebody else was faster. */
async function keep(coming: Record<string, unknown>, cache: Record<string, unknown>): Promise<void> {
  const compiled = await Promise.allSettled(
    Object.entries(coming).map(async ([key, pipeline]) => {
      const ready = await pipeline;
      cache[key] ??= ready;
    }),
  );
  const failed = compiled.find(({ status }) => status === "rejected") as PromiseRejectedResult | undefined;
  if (!failed) return;
  const { reason: cause } = failed;
  const reason = cause instanceof Error ? cause.message : String(cause);
  throw new GlofError(
    "internal",
    `warmUpWebgpu: expected shaders that compile, got: ${reason}. Do report it.`,
    { cause },
  );
}
