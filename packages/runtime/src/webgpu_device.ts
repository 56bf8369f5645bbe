import { isNode, messageOf } from "./environment.js";
import type { WebgpuOptions } from "./types.js";
import { unavailable } from "./unavailable.js";
import { hasVulkanLoader } from "./vulkan_loader.js";
import { openWebgpu } from "./webgpu_entry.js";

/** A feature is asked for where the adapter has it: each is one that a kernel or a benchmark can use. */
const wantedFeatures = [
  "timestamp-query",
  "shader-f16",
  "subgroups",
  "chromium-experimental-subgroup-matrix",
] as const;

/** A device grants only the modest default of each limit unless more is asked for. */
const raisedLimits = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
] as const;

const driverAdvice = "install a driver for the GPU (Vulkan, Metal or D3D12), or choose another backend";

/**
 * The strongest adapter of this machine, hardware before software.
 *
 * @throws GlofError `backend-unavailable` without WebGPU or without an adapter
 */
export async function requestAdapter(options: WebgpuOptions = {}): Promise<GPUAdapter> {
  // Where the program has put a GPU of its own choice, that needs no loader.
  if (isNode && !globalThis.navigator?.gpu && !(await hasVulkanLoader())) {
    throw unavailable("webgpu", "this machine has no Vulkan loader (libvulkan.so.1)", driverAdvice);
  }
  const gpu = await openWebgpu(options).catch((error: unknown) => {
    throw unavailable(
      "webgpu",
      `the package webgpu does not load (${messageOf(error)})`,
      driverAdvice,
      error,
    );
  });
  if (!gpu) throw unavailable("webgpu", "this browser has no WebGPU", "update it, or choose another backend");
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw unavailable("webgpu", "WebGPU found no adapter", driverAdvice);
  return adapter;
}

/**
 * A device of our own, with every feature and limit that the kernels can use.
 *
 * @throws GlofError `backend-unavailable` when the adapter refuses
 */
export async function requestDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  const features = wantedFeatures.filter((feature) => adapter.features.has(feature));
  try {
    return await adapter.requestDevice({
      requiredFeatures: features as GPUFeatureName[],
      requiredLimits: limitsOf(adapter),
    });
  } catch (error) {
    throw unavailable("webgpu", `the adapter refused a device (${messageOf(error)})`, driverAdvice, error);
  }
}

/** The limits of an adapter or a device that decide what runs on it. */
export function limitsOf({ limits }: { readonly limits: GPUSupportedLimits }): Record<string, number> {
  return Object.fromEntries(raisedLimits.map((name) => [name, limits[name]]));
}

/** An adapter in plain values. */
export interface AdapterFacts {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** It computes on the processor (SwiftShader, llvmpipe, WARP): right numbers, slower than WASM. */
  readonly isSoftware: boolean;
}

/** Reads what an adapter says of itself. */
export function adapterFacts({ info }: { readonly info: GPUAdapterInfo }): AdapterFacts {
  const { vendor, architecture, device, description } = info;
  return { vendor, architecture, device, description, isSoftware: isSoftwareAdapter(info) };
}

/** Whether an adapter computes on the processor. Not every driver sets the flag, hence the names too. */
export function isSoftwareAdapter(info: GPUAdapterInfo): boolean {
  const names = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`;
  return info.isFallbackAdapter === true || /swiftshader|llvmpipe|lavapipe|basic render/i.test(names);
}
