import { GlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { compileOnly } from "../compute_pass.js";

interface CompilingBackend {
  /** What compiles is a promise. */
  readonly pipelineCache: Record<string, unknown>;
  checkCompileCompletionAsync(): Promise<void>;
}

/**
 * Compiles the shaders of a pass, side by side and without computing anything, so that the first real one does not wait for them
 * one after the other. Compute nothing else meanwhile. On other backends it does nothing.
 *
 * @param run the pass as it will be used; its results are without meaning, it may not read numbers back, and what it makes is disposed
 * @throws GlofError `internal` when the device refuses a shader
 */
export async function warmUpWebgpu(run: () => unknown): Promise<void> {
  if (tf.getBackend() !== "webgpu") return;
  const backend = tf.backend() as unknown as CompilingBackend;
  tf.env().set(compileOnly, true);
  try {
    tf.tidy(() => void run());
  } finally {
    tf.env().set(compileOnly, false);
    await compiled(backend);
  }
}

async function compiled(backend: CompilingBackend): Promise<void> {
  try {
    await backend.checkCompileCompletionAsync();
  } catch (error) {
    // A promise that failed would fail every later wait; whoever needs the shader compiles it again, and hears why it cannot.
    const { pipelineCache } = backend;
    for (const [key, value] of Object.entries(pipelineCache))
      if (value instanceof Promise) delete pipelineCache[key];
    const reason = error instanceof Error ? error.message : String(error);
    throw new GlofError(
      "internal",
      `warmUpWebgpu: expected shaders that compile, got: ${reason}. Do report it.`,
      {
        cause: error,
      },
    );
  }
}
