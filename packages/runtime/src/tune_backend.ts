import { type TuneWebgpuOptions, type TuneWebgpuResult, tuneWebgpu, type WebgpuTuning } from "@glof/nn";
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
 * they last as long as the process. What was measured before it was cancelled, or failed, is used and kept.
 *
 * @throws GlofError `backend-unavailable` when the backend is not webgpu, `aborted`
 */
export async function tuneBackend(
  run: () => unknown,
  options: TuneWebgpuOptions = {},
): Promise<TuneBackendResult> {
  let tuning: WebgpuTuning | undefined;
  const onTuning = (found: WebgpuTuning): void => {
    tuning = found;
    options.onTuning?.(found);
  };
  const result = await tuneWebgpu(run, { ...options, onTuning }).catch(async (error: unknown) => {
    // Why it ended is what the caller is to hear, and not where nothing can be written.
    if (tuning) await storeTuning(tuning).catch(() => undefined);
    throw error;
  });
  try {
    return { ...result, place: await storeTuning(result.tuning) };
  } catch (error) {
    return { ...result, reason: messageOf(error) };
  }
}
