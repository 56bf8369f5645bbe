import { plainBinary, relaxedBinary } from "./generated/binaries.js";
import type { KernelExports } from "./kernel_exports.js";
import { withSharedMemory } from "./threads/shared_memory.js";

/** The kernels compiled, and whether they have fused multiply-add. */
export interface KernelBinary {
  readonly module: WebAssembly.Module;
  /** The same for a memory that threads share; `undefined` where the engine has none. */
  readonly sharedModule: WebAssembly.Module | undefined;
  readonly fused: boolean;
}

/**
 * Compiles the best binary this engine takes: relaxed SIMD unless that is not wanted, else plain SIMD, else `undefined`.
 *
 * Node 20 has relaxed SIMD behind a V8 flag. The flag is set only when it is needed and a `v8` module is there; it
 * changes nothing for other code than that such binaries become valid.
 */
export async function compileKernels(relaxedSimd: boolean): Promise<KernelBinary | undefined> {
  const relaxed = decodeBase64(relaxedBinary);
  if (relaxedSimd && !WebAssembly.validate(relaxed)) allowRelaxedSimd();
  if (relaxedSimd && WebAssembly.validate(relaxed)) return compileForms(relaxed, true);
  const plain = decodeBase64(plainBinary);
  return WebAssembly.validate(plain) ? compileForms(plain, false) : undefined;
}

async function compileForms(binary: Uint8Array<ArrayBuffer>, fused: boolean): Promise<KernelBinary> {
  const shared = withSharedMemory(binary);
  return {
    module: await WebAssembly.compile(binary),
    sharedModule: shared && WebAssembly.validate(shared) ? await WebAssembly.compile(shared) : undefined,
    fused,
  };
}

/** Binds the kernels to a memory. */
export function instantiateKernels(module: WebAssembly.Module, memory: WebAssembly.Memory): KernelExports {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as KernelExports;
}

function allowRelaxedSimd(): void {
  // Not an import: bundlers for the browser would have to resolve it.
  const v8 = globalThis.process?.getBuiltinModule?.("node:v8");
  v8?.setFlagsFromString("--experimental-wasm-relaxed-simd");
}

function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}
