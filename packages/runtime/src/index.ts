export { releaseBackend } from "./release_backend.js";
export { type SelectBackendOptions, selectBackend } from "./select_backend.js";
export {
  type BackendChoice,
  type BackendName,
  backendNames,
  type PassedOver,
  type WasmOptions,
  type WebgpuOptions,
} from "./types.js";
export { freeUnusedGpuMemory } from "./webgpu_lifecycle.js";
