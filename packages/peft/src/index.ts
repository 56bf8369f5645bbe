export { type AdapterTensors, adaptedWeight, weightLengths, weightUpdate } from "./adapted_weight.js";
export { type AdapterFiles, loadAdapter, openAdapter, writeAdapter } from "./adapter_files.js";
export {
  type LoraConfig,
  type LoraOptions,
  loraConfigFromPeft,
  loraConfigToPeft,
  type ModuleSelection,
  type PeftJson,
} from "./config.js";
export { adaptedBias, buildLora, type LoraModel } from "./lora_model.js";
export { mergeLora, unmergeLora } from "./merge.js";
export type { AdaptedModule } from "./targets.js";
