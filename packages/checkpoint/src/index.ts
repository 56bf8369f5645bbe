export type { CheckpointSource } from "./byte_source.js";
export { checkpointFromTensors, type FromTensorsOptions } from "./memory_checkpoint.js";
export { type OpenCheckpointOptions, openCheckpoint } from "./open_checkpoint.js";
export { type SafetensorsOptions, serializeSafetensors, writeSafetensors } from "./safetensors_write.js";
export type { FloatDtype, TensorsToWrite } from "./tensor_plan.js";
export { serializeTorch, type TorchOptions, writeTorch } from "./torch_write.js";
export * from "./types.js";
