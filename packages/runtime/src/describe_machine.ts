import { importInNode, isNode, messageOf } from "./environment.js";
import { type PackageFacts, packageFacts } from "./package_facts.js";
import { hasVulkanLoader } from "./vulkan_loader.js";
import { hasRelaxedSimd, hasSimd } from "./wasm_features.js";
import { type AdapterFacts, adapterFacts, limitsOf } from "./webgpu_device.js";
import { openWebgpu } from "./webgpu_entry.js";

/** A GPU adapter with all that it offers. */
export interface AdapterDescription extends AdapterFacts {
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
}

/** What this machine has to offer, in plain values that survive `JSON.stringify`. */
export interface MachineDescription {
  readonly platform: {
    /** `"node v22.1.0"`, or the browser's user agent. */
    readonly runtime: string;
    /** `"linux x64"`; empty in a browser. */
    readonly system: string;
    /** Name of the processor; empty in a browser. */
    readonly cpu: string;
    readonly cores: number;
    /** Bytes; `undefined` where a browser does not tell. */
    readonly memoryBytes: number | undefined;
    readonly freeMemoryBytes: number | undefined;
  };
  readonly wasm: { readonly simd: boolean; readonly relaxedSimd: boolean; readonly threads: boolean };
  readonly webgpu: {
    readonly adapters: readonly AdapterDescription[];
    /** Why there is no adapter, when there is none. */
    readonly problem?: string;
  };
  /** The packages that backends come from, with their versions; of an optional one also why it does not load. */
  readonly packages: readonly PackageFacts[];
}

/**
 * Looks at processor, memory, GPU adapters and packages. No device is made and the current backend stays; an optional
 * native package that is installed gets loaded.
 */
export async function describeMachine(): Promise<MachineDescription> {
  return {
    platform: await describePlatform(),
    wasm: {
      simd: hasSimd(),
      relaxedSimd: hasRelaxedSimd(),
      threads: globalThis.crossOriginIsolated === true,
    },
    webgpu: await describeAdapters(),
    packages: await packageFacts(),
  };
}

async function describePlatform(): Promise<MachineDescription["platform"]> {
  if (!isNode) {
    const { userAgent, hardwareConcurrency, deviceMemory } = navigator as Navigator & {
      deviceMemory?: number;
    };
    return {
      runtime: userAgent,
      system: "",
      cpu: "",
      cores: hardwareConcurrency,
      memoryBytes: deviceMemory === undefined ? undefined : deviceMemory * 2 ** 30,
      freeMemoryBytes: undefined,
    };
  }
  const os = await importInNode<typeof import("node:os")>("node:os");
  return {
    runtime: `node ${process.version}`,
    system: `${process.platform} ${process.arch}`,
    cpu: os.cpus()[0]?.model ?? "",
    cores: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    freeMemoryBytes: os.freemem(),
  };
}

async function describeAdapters(): Promise<MachineDescription["webgpu"]> {
  if (isNode && !(await hasVulkanLoader())) {
    return { adapters: [], problem: "this machine has no Vulkan loader (libvulkan.so.1)" };
  }
  try {
    const gpu = await openWebgpu();
    if (!gpu) return { adapters: [], problem: "this browser has no WebGPU" };
    const found = await Promise.all(
      (["high-performance", "low-power"] as const).map((powerPreference) =>
        gpu.requestAdapter({ powerPreference }),
      ),
    );
    const adapters = found.filter((adapter) => adapter !== null).map(describeAdapter);
    if (adapters.length === 0) return { adapters, problem: "WebGPU found no adapter" };
    const distinct = new Map(adapters.map((adapter) => [JSON.stringify(adapter), adapter]));
    return { adapters: [...distinct.values()] };
  } catch (error) {
    return { adapters: [], problem: `the package webgpu does not load (${messageOf(error)})` };
  }
}

function describeAdapter(adapter: GPUAdapter): AdapterDescription {
  return {
    ...adapterFacts(adapter),
    features: [...adapter.features].sort(),
    limits: limitsOf(adapter),
  };
}
