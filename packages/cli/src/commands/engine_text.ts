import type { BackendChoice } from "@glof/runtime";
import type { OrtDescription } from "@glof/segmenter";

/** Which engines `glof map` has on this machine, what each would compute on, and why: lines for people. */
export function engineText(backend: BackendChoice, ort: OrtDescription, cores: number): string[] {
  const ortText = ort.isAvailable
    ? `onnxruntime-node ${ort.version} works: glof map --engine ort runs on ${threadsText(cores)} of the CPU` +
      (isGpu(backend) ? "; the GPU is likely faster" : ", faster than tfjs there")
    : `not available (${ort.problem ?? "it does not load"}); to have it: npm install onnxruntime-node`;
  return [`tfjs (default): ${backend.name}, ${pathText(backend)}`, `ort: ${ortText}`];
}

/** What the backend makes of the machine. */
function pathText({ name, details }: BackendChoice): string {
  if (name === "webgpu") return "on the GPU";
  if (name === "tensorflow") return `through ${String(details.package ?? "TensorFlow's own library")}`;
  if (name === "cpu") return "plain JavaScript, which is slow: a check for the others";
  const { reason } = (details.kernels ?? {}) as { readonly reason?: unknown };
  if (typeof reason === "string") return `on the CPU; ${reason.replace(/\.$/, "")}`;
  return `on the CPU with ${details.simd === true ? "SIMD" : "no SIMD"} and TensorFlow.js's own kernels`;
}

const isGpu = ({ name }: BackendChoice): boolean => name === "webgpu" || name === "tensorflow";

const threadsText = (count: number): string => `${count} ${count === 1 ? "thread" : "threads"}`;
