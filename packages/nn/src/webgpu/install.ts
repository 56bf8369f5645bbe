/** What `installWebgpuKernels` did. */
export interface InstalledKernels {
  /** Names of the kernels registered. */
  readonly installed: readonly string[];
  /** Why these and no others, for a person. */
  readonly reason: string;
}

/** Registers this package's WebGPU kernels, if it has any for this device. Call it with the webgpu backend ready. */
export async function installWebgpuKernels(): Promise<InstalledKernels> {
  return { installed: [], reason: "tfjs's own WebGPU kernels are used for every operation" };
}
