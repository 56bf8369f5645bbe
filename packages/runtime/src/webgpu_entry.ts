import { importInNode, isNode } from "./environment.js";
import type { WebgpuOptions } from "./types.js";

type DawnPackage = typeof import("webgpu");

/**
 * Dawn's switches that only add to what a device may offer: matrix units, which Dawn wants Vulkan's memory model for, and half
 * precision on NVIDIA, where Dawn hides it.
 */
const additions = ["allow_unsafe_apis", "use_vulkan_memory_model", "vulkan_enable_f16_on_nvidia"];

const removals = [
  // Dawn then clears workgroup memory by a loop of its own: SwiftShader compiles the extension to a store per number.
  "use_vulkan_zero_initialize_workgroup_memory_extension",
  // A web page may not have a fine clock; a tuner that compares passes of 20 us needs one, and Node has one anyway.
  "timestamp_quantization",
];

/**
 * The door to WebGPU: the browser's own `navigator.gpu`, or Dawn out of the npm package `webgpu` in Node.
 *
 * In Node it becomes `navigator.gpu` and its classes become globals, since TensorFlow.js looks for them there. That happens
 * once in a process; later options change nothing.
 *
 * @returns `undefined` where a browser has no WebGPU
 * @throws whatever the import of `webgpu` throws on a platform without a build
 */
export async function openWebgpu({ robustness = true }: WebgpuOptions = {}): Promise<GPU | undefined> {
  const present = globalThis.navigator?.gpu;
  if (present || !isNode) return present;
  const { create, globals } = await importInNode<DawnPackage>("webgpu");
  Object.assign(globalThis, globals);
  // Node 20 has no navigator; later ones have one that cannot be assigned, hence definitions.
  if (!globalThis.navigator)
    Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
  const switches = robustness ? additions : [...additions, "disable_robustness"];
  const gpu = create([
    `enable-dawn-features=${switches.join(",")}`,
    `disable-dawn-features=${removals.join(",")}`,
  ]);
  Object.defineProperty(globalThis.navigator, "gpu", { value: gpu, configurable: true });
  return gpu;
}
