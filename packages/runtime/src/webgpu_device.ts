import { GlofError } from "@glof/core";
import { openWebgpu } from "./webgpu_entry.js";

/** A WebGPU device of our own, with everything its adapter offers that the kernels can use. */
export interface OwnDevice {
  readonly device: GPUDevice;
  readonly info: GPUAdapterInfo;
  /** Runs on the processor (SwiftShader, llvmpipe, WARP): right numbers, far slower than WASM. */
  readonly isSoftware: boolean;
}

const wantedFeatures = [
  "timestamp-query",
  "shader-f16",
  "subgroups",
  "chromium-experimental-subgroup-matrix",
] as const;

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

/**
 * Asks for the strongest adapter and a device on it.
 *
 * @throws GlofError `backend-unavailable` without WebGPU, without an adapter, or when the device is refused
 */
export async function openDevice(): Promise<OwnDevice> {
  const adapter = await requestAdapter();
  const requiredFeatures = wantedFeatures.filter((feature) => adapter.features.has(feature));
  const requiredLimits = Object.fromEntries(raisedLimits.map((name) => [name, adapter.limits[name]]));
  try {
    const device = await adapter.requestDevice({
      requiredFeatures: requiredFeatures as GPUFeatureName[],
      requiredLimits,
    });
    return { device, info: adapter.info, isSoftware: isSoftwareAdapter(adapter.info) };
  } catch (error) {
    throw unavailable(`the adapter refused a device (${messageOf(error)})`, error);
  }
}

/** The strongest adapter of this machine. */
export async function requestAdapter(): Promise<GPUAdapter> {
  let gpu: GPU | undefined;
  try {
    gpu = await openWebgpu();
  } catch (error) {
    throw unavailable(`the package webgpu does not load (${messageOf(error)})`, error);
  }
  if (!gpu) throw unavailable("this browser has no WebGPU");
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw unavailable("no adapter: no usable GPU driver (Vulkan, Metal or D3D12) was found");
  return adapter;
}

/** Whether an adapter computes on the processor. Drivers say so in their names, not in a flag. */
export function isSoftwareAdapter(info: GPUAdapterInfo): boolean {
  const flags = info as GPUAdapterInfo & { isFallbackAdapter?: boolean };
  const names = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`;
  return (
    flags.isFallbackAdapter === true || /swiftshader|llvmpipe|lavapipe|software|basic render/i.test(names)
  );
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function unavailable(what: string, cause?: unknown): GlofError {
  return new GlofError(
    "backend-unavailable",
    `webgpu: expected a WebGPU adapter and device, got none: ${what}. Do install a GPU driver, or choose another backend.`,
    { backend: "webgpu", cause },
  );
}
