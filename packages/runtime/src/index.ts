export { type CheckKernelsOptions, checkKernels, type KernelCheck } from "./check_kernels.js";
export { type AdapterDescription, describeMachine, type MachineDescription } from "./describe_machine.js";
export type { CaseInputs, KernelCase } from "./kernel_cases.js";
export type { PackageFacts } from "./package_facts.js";
export { releaseBackend } from "./release_backend.js";
export { type SelectBackendOptions, selectBackend } from "./select_backend.js";
export { type TuneBackendResult, tuneBackend } from "./tune_backend.js";
export type { TuningFacts } from "./tuning_cache.js";
export {
  type BackendChoice,
  type BackendName,
  backendNames,
  type PassedOver,
  type WasmOptions,
  type WebgpuOptions,
} from "./types.js";
export { freeUnusedGpuMemory } from "./webgpu_lifecycle.js";
