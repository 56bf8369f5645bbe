import { type TuneWebgpuOptions, type TuneWebgpuResult, tuneWebgpu } from "@glof/nn";
import { messageOf } from "./environment.js";
import { storeTuning } from "./tuning_cache.js";

/** What `tuneBackend` measured, and where it is kept. */
export interface TuneBackendResult extends TuneWebgpuResult {
  /** The file, or the browser's storage, that `selectBackend` reads; `undefined` where it could not be written. */
  readonly place?: string;
  /** Why it could not. */
  readonly reason?: string;
}

/**
 * Measures which form of each matrix product and each pass of attention in `run` is fastest on the GPU, uses those from then on, and
 * keeps them for later processes: `selectBackend` loads them. See `tuneWebgpu` of `@glof/nn`.
 *
 * They are kept in `$XDG_CACHE_HOME/glof` or `~/.cache/glof` in Node, in `localStorage` in a browser. Where nothing can be written
 * they last as long as the process.
 *
 * @throws GlofError `backend-unavailable` when the backend is not webgpu, `aborted`
 */
export async function tuneBackend(
  run: () => unknown,
  options: TuneWebgpuOptions = {},
): Promise<TuneBackendResult> {
  const result = await tuneWebgpu(run, options);
  try {
    return { ...result, place: await storeTuning(result.tuning) };
  } catch (error) {
    return { ...result, reason: messageOf(error) };
  }
}
