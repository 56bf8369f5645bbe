export * from "./types.js";
export { installWasmKernels, type WasmKernelsReport } from "./wasm/install.js";
