import { importInNode, isNode } from "./environment.js";

type DawnPackage = typeof import("webgpu");

/**
 * The door to WebGPU: the browser's own `navigator.gpu`, or Dawn out of the npm package `webgpu` in Node.
 *
 * In Node it becomes `navigator.gpu` and its classes become globals, since TensorFlow.js looks for them there.
 *
 * @returns `undefined` where a browser has no WebGPU
 * @throws whatever the import of `webgpu` throws on a platform without a build
 */
export async function openWebgpu(): Promise<GPU | undefined> {
  const present = globalThis.navigator?.gpu;
  if (present || !isNode) return present;
  const { create, globals } = await importInNode<DawnPackage>("webgpu");
  Object.assign(globalThis, globals);
  // Node 20 has no navigator; later ones have one that cannot be assigned, hence definitions.
  if (!globalThis.navigator)
    Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
  const gpu = create([]);
  Object.defineProperty(globalThis.navigator, "gpu", { value: gpu, configurable: true });
  return gpu;
}
