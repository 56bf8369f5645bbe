import type { KernelCheck, MachineDescription } from "@glof/runtime";

const GIB = 2 ** 30;

/** What this machine has, in lines for people. */
export function machineText(machine: MachineDescription): string[] {
  const { platform, wasm, webgpu, packages } = machine;
  const gib = (bytes: number | undefined) => (bytes === undefined ? "?" : (bytes / GIB).toFixed(1));
  const yesNo = (value: boolean) => (value ? "yes" : "no");
  const adapters = webgpu.adapters.map(
    ({ vendor, architecture, description, isSoftware, features, limits }) =>
      `${[description || vendor, architecture].filter((part) => part !== "").join(", ")}` +
      `${isSoftware ? " (software: computes on the processor)" : ""}; ` +
      `f16 ${yesNo(features.includes("shader-f16"))}, ` +
      `largest buffer ${gib(limits.maxStorageBufferBindingSize)} GiB`,
  );
  return [
    row("system", `${platform.system}, ${platform.runtime}`),
    row("processor", `${platform.cpu}, ${platform.cores} logical`),
    row("memory", `${gib(platform.memoryBytes)} GiB, ${gib(platform.freeMemoryBytes)} GiB free`),
    ...(adapters.length > 0 ? adapters : [`none: ${webgpu.problem ?? "no adapter"}`]).map((text, index) =>
      row(index === 0 ? "webgpu" : "", text),
    ),
    row("wasm", `SIMD ${yesNo(wasm.simd)}, relaxed SIMD ${yesNo(wasm.relaxedSimd)}`),
    ...packages.map((facts, index) => row(index === 0 ? "packages" : "", packageText(facts))),
  ];
}

/** One check of a kernel as a line. */
export function checkText({ name, passed, worstRatio, problem }: KernelCheck): string {
  const what = problem ?? `error ${(100 * worstRatio).toFixed(1).padStart(5)} % of the tolerance`;
  return `  ${passed ? "ok   " : "WRONG"}  ${name.padEnd(34)} ${what}`;
}

function packageText({ name, version, problem }: MachineDescription["packages"][number]): string {
  if (version === undefined) return `${name}: not installed`;
  return problem === undefined ? `${name} ${version}` : `${name} ${version}: ${problem}`;
}

const row = (title: string, text: string): string => `${title.padEnd(10)} ${text}`;
