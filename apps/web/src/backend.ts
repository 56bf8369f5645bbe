import { type BackendChoice, selectBackend } from "@glof/runtime";
import plainUrl from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url";
import simdUrl from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url";
import threadedUrl from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url";

/** What the backend list offers. */
export const backendWishes = ["automatic", "webgpu", "wasm", "cpu"] as const;

/** A backend, or the best that this browser has. */
export type BackendWish = (typeof backendWishes)[number];

/** Addresses of TensorFlow.js's binaries: all in one folder under their own names, which `wasmFolder` relies on. */
export const wasmUrls: readonly string[] = [simdUrl, threadedUrl, plainUrl];

/** Address of the folder with those binaries. */
export function wasmFolder(): string {
  return new URL("./", new URL(simdUrl, location.href)).href;
}

/**
 * Prepares a backend.
 * @throws GlofError `backend-unavailable` when the wished one, or any at all, cannot be had
 */
export function chooseBackend(wish: BackendWish): Promise<BackendChoice> {
  const wasm = { path: wasmFolder() };
  if (wish === "automatic") return selectBackend({ prefer: ["webgpu", "wasm", "cpu"], wasm });
  return selectBackend({ require: wish, wasm });
}
