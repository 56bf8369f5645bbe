import { env, type TensorInfo } from "@tensorflow/tfjs-core";
import { type BackendInternals, internalsOf } from "./backend_internals.js";
import { bindGroupOf } from "./bindings.js";
import { halvesCode, makeHalfTensor } from "./half_storage.js";
import type { ShaderBackend } from "./shader.js";

/** One number of the struct `Uniforms` of a shader. */
export type UniformValue = readonly [name: string, type: "i32" | "f32", value: number];

/** A buffer of a shader: its name in the code, the element type the code sees, and what it holds. */
export interface ShaderInput {
  readonly name: string;
  /** `u32` and `vec2<u32>` of a float32 tensor: halves, as `half_storage.ts` keeps them. */
  readonly element: "f32" | "vec2<f32>" | "vec4<f32>" | "i32" | "u32" | "vec2<u32>";
  readonly tensor: TensorInfo;
}

/** A result of a shader: a new tensor of a shape, or one there is whose numbers it (partly) writes. */
export interface ShaderOutput {
  readonly name: string;
  /** `vec2<u32>`: the new tensor holds halves. `i32`, `u32`: it is an int32 one. */
  readonly element: "f32" | "vec2<f32>" | "vec4<f32>" | "vec2<u32>" | "i32" | "u32";
  readonly into: readonly number[] | TensorInfo;
}

/** A compute pass with any number of results, in tfjs's own command stream. */
export interface Dispatch {
  /** Unique for the code that `code` gives: one compiled pipeline is kept per key. */
  readonly key: string;
  readonly outputs: readonly ShaderOutput[];
  readonly inputs: readonly ShaderInput[];
  readonly uniforms: readonly UniformValue[];
  /** WGSL after the declarations of buffers and `uniforms`; only called on a first use. */
  readonly code: () => string;
  /** Entry point of the code. Default "main". */
  readonly entry?: string;
  readonly groups: readonly [x: number, y: number, z: number];
  /** WGSL extensions that the code needs, such as `f16`. Default none. */
  readonly extensions?: readonly string[];
}

/** A pass that can be recorded, and its results. */
export interface PreparedPass {
  readonly outputs: TensorInfo[];
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly groups: Dispatch["groups"];
}

/** Queues a compute pass over buffers as they are; its results belong to the caller. */
export function queuePass(backend: ShaderBackend, work: Dispatch): TensorInfo[] {
  if (env().getBool(compileOnly)) return compilePass(internalsOf(backend), work);
  const pass = preparePass(backend, work);
  for (const { dataId } of [...pass.outputs, ...work.inputs.map(({ tensor }) => tensor)]) {
    internalsOf(backend).commandQueueOwnedIds.add(dataId);
  }
  record(internalsOf(backend), pass);
  return pass.outputs;
}

/** tfjs's own switch: passes are compiled side by side, and not run. */
export const compileOnly = "WEBGPU_ENGINE_COMPILE_ONLY";

/** Has the pass compiled, as tfjs does with its own; `checkCompileCompletionAsync` waits for it. The results have no numbers. */
function compilePass(backend: BackendInternals, work: Dispatch): TensorInfo[] {
  const cache: Record<string, unknown> = backend.pipelineCache;
  cache[keyOf(work)] ??= backend.device.createComputePipelineAsync(descriptorOf(backend, work));
  const results = work.outputs.map((output) => resultOf(backend, output));
  // As in a real pass: what has no buffer yet is taken for numbers of the processor, and tfjs works on small ones there.
  for (const { dataId } of results) backend.uploadToGPU(dataId);
  return results;
}

/** All of a pass but its recording. Its uniforms last until the next submission of the backend. */
export function preparePass(shaderBackend: ShaderBackend, work: Dispatch): PreparedPass {
  const backend = internalsOf(shaderBackend);
  const outputs = work.outputs.map((output) => resultOf(backend, output));
  const tensors = [...outputs, ...work.inputs.map(({ tensor }) => tensor)];
  for (const { dataId } of tensors) backend.uploadToGPU(dataId);
  const pipeline = pipelineOf(backend, work);
  const storage = tensors.map((tensor) => backend.tensorToBinding(tensor));
  const bindGroup = bindGroupOf(backend.device, pipeline, storage, work.uniforms, () =>
    backend.makeUniforms(
      work.uniforms.map(([, type, value]) => ({ type: type === "i32" ? "int32" : "float32", data: [value] })),
    ),
  );
  return { outputs, pipeline, bindGroup, groups: work.groups };
}

function resultOf(backend: BackendInternals, { into, element }: ShaderOutput): TensorInfo {
  if ("dataId" in into) return into;
  if (element === "vec2<u32>") return makeHalfTensor(backend, into);
  const isWhole = element === "i32" || element === "u32";
  return backend.makeTensorInfo([...into], isWhole ? "int32" : "float32");
}

/** As many passes as tfjs itself puts into one submission. */
const passesPerSubmission = 15;

function record(backend: BackendInternals, { pipeline, bindGroup, groups }: PreparedPass): void {
  backend.ensureCommandEncoderReady();
  backend.computePassEncoder ??= backend.commandEncoder!.beginComputePass({});
  backend.computePassEncoder.setPipeline(pipeline);
  backend.computePassEncoder.setBindGroup(0, bindGroup);
  backend.computePassEncoder.dispatchWorkgroups(...groups);
  backend.dispatchCountInPass++;
  if (backend.dispatchCountInPass < passesPerSubmission) return;
  backend.endComputePassEncoder();
  backend.submitQueue();
}

function pipelineOf(backend: BackendInternals, work: Dispatch): GPUComputePipeline {
  const cache = backend.pipelineCache;
  const key = keyOf(work);
  cache[key] ??= backend.device.createComputePipeline(descriptorOf(backend, work));
  return cache[key];
}

function keyOf({ key }: Dispatch): string {
  return `glof_${key}`;
}

function descriptorOf({ device }: BackendInternals, work: Dispatch): GPUComputePipelineDescriptor {
  const label = keyOf(work);
  const module = device.createShaderModule({ code: `${declarations(work)}\n${work.code()}`, label });
  return { compute: { module, entryPoint: work.entry ?? "main" }, label, layout: "auto" };
}

function declarations({ outputs, inputs, uniforms, extensions = [] }: Dispatch): string {
  const buffers = [
    ...outputs.map(({ name, element }) => `var<storage, read_write> ${name} : array<${element}>;`),
    ...inputs.map(({ name, element }) => `var<storage, read> ${name} : array<${element}>;`),
    "var<uniform> uniforms : Uniforms;",
  ];
  const fields = uniforms.map(([name, type]) => `${name} : ${type},`).join(" ");
  const bound = buffers.map((buffer, binding) => `@group(0) @binding(${binding}) ${buffer}`);
  const enabled = extensions.map((extension) => `enable ${extension};`);
  const isOfHalves = [...outputs, ...inputs].some(
    ({ element }) => element.endsWith("u32") || element.endsWith("u32>"),
  );
  return [...enabled, `struct Uniforms { ${fields} };`, ...bound, isOfHalves ? halvesCode : ""].join("\n");
}
