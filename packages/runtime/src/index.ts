export { type SelectBackendOptions, selectBackend } from "./select_backend.js";
export type { BackendChoice, BackendName } from "./types.js";
