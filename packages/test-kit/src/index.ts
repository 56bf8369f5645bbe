export { type ChromiumLaunch, chromiumForTests } from "./chromium.js";
export {
  type DescribeOnBackendsOptions,
  describeOnBackends,
  type TestBackend,
} from "./describe_on_backends.js";
export { expectClose, findWorst, type Values, type Worst } from "./expect_close.js";
export { type CompiledShaders, compiledDuring, countDispatches } from "./gpu_notes.js";
export { hasShared, sharedPath } from "./shared_folder.js";
export { softwareVulkanEnvironment, useSoftwareVulkan } from "./software_vulkan.js";
export { expectNoTensorGrowth } from "./tensor_growth.js";
export { type Tolerance, toleranceHere, tolerances } from "./tolerances.js";
