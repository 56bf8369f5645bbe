import type { DataType, TensorInfo } from "@tensorflow/tfjs-core";
import type { ShaderBackend } from "./shader.js";

type DataId = TensorInfo["dataId"];

/**
 * What a dispatch needs of TensorFlow.js 4.22.0's WebGPU backend. Most of it is private in its types; the pin of that version
 * guards it, and this is the only file that reaches for it.
 */
interface BackendInternals extends ShaderBackend {
  readonly device: GPUDevice;
  readonly adapterInfo?: { readonly vendor?: string };
  readonly pipelineCache: Record<string, GPUComputePipeline>;
  readonly commandQueueOwnedIds: WeakSet<DataId>;
  /** What a buffer holds, which a tensor's own dtype does not say: a cast to float32 keeps the buffer of whole numbers. */
  readonly tensorMap: { get(dataId: DataId): { readonly dtype: DataType } };
  commandEncoder: GPUCommandEncoder | null;
  computePassEncoder: GPUComputePassEncoder | null;
  dispatchCountInPass: number;
  makeTensorInfo(shape: number[], dtype: "float32"): TensorInfo;
  uploadToGPU(dataId: DataId): void;
  tensorToBinding(tensor: TensorInfo): GPUBindingResource;
  makeUniforms(uniforms: { type: "int32" | "float32"; data: number[] }[]): GPUBindingResource;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
}

/** One number of the struct `Uniforms` of a shader. */
export type UniformValue = readonly [name: string, type: "i32" | "f32", value: number];

/** A buffer of a shader: its name in the code, the element type the code sees, and what it holds. */
export interface ShaderInput {
  readonly name: string;
  readonly element: "f32" | "vec2<f32>" | "vec4<f32>" | "i32" | "u32";
  readonly tensor: TensorInfo;
}

/** A result of a shader: a new tensor of a shape, or one there is whose numbers it (partly) writes. */
export interface ShaderOutput {
  readonly name: string;
  readonly element: "f32" | "vec4<f32>";
  readonly into: readonly number[] | TensorInfo;
}

/** A compute pass with any number of results, in tfjs's own command stream. */
export interface Dispatch {
  /** Unique for the code that `code` gives: one compiled pipeline is kept per key. */
  readonly key: string;
  readonly outputs: readonly ShaderOutput[];
  readonly inputs: readonly ShaderInput[];
  readonly uniforms: readonly UniformValue[];
  /** WGSL after the declarations of buffers and `uniforms`; the entry point is `main`. Only called on a first use. */
  readonly code: () => string;
  readonly groups: readonly [x: number, y: number, z: number];
  /** WGSL extensions that the code needs, such as `f16`. Default none. */
  readonly extensions?: readonly string[];
}

/**
 * Queues a compute pass; its results belong to the caller. Unlike tfjs's programs a shader has several results, and
 * nothing but what it names as uniforms.
 */
export function dispatch(shaderBackend: ShaderBackend, work: Dispatch): TensorInfo[] {
  const backend = shaderBackend as BackendInternals;
  const outputs = work.outputs.map(({ into }) =>
    "dataId" in into ? into : backend.makeTensorInfo([...into], "float32"),
  );
  const inputs = work.inputs.map((input) => asFloats(backend, input));
  const tensors = [...outputs, ...inputs];
  for (const { dataId } of tensors) backend.uploadToGPU(dataId);
  const pipeline = pipelineOf(backend, work);
  const uniforms = backend.makeUniforms(
    work.uniforms.map(([, type, value]) => ({ type: type === "i32" ? "int32" : "float32", data: [value] })),
  );
  const resources = [...tensors.map((tensor) => backend.tensorToBinding(tensor)), uniforms];
  const bindGroup = backend.device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: resources.map((resource, binding) => ({ binding, resource })),
  });
  for (const { dataId } of tensors) backend.commandQueueOwnedIds.add(dataId);
  record(backend, pipeline, bindGroup, work.groups);
  for (const [at, { tensor }] of work.inputs.entries()) {
    if (inputs[at] !== tensor) backend.disposeData(inputs[at]!.dataId);
  }
  return outputs;
}

/** Threads of a group of the conversion, and groups along one axis that every device takes. */
const [conversionThreads, groupsPerRow] = [256, 65_535];

/** The tensor, or a copy in floats where its buffer holds whole numbers. */
function asFloats(backend: BackendInternals, { tensor, element }: ShaderInput): TensorInfo {
  if (element === "i32" || element === "u32") return tensor;
  if (backend.tensorMap.get(tensor.dataId).dtype === "float32") return tensor;
  const count = tensor.shape.reduce((product, size) => product * size, 1);
  const groups = Math.ceil(count / conversionThreads);
  const [floats] = dispatch(backend, {
    key: "to_floats",
    outputs: [{ name: "y", element: "f32", into: tensor.shape }],
    inputs: [{ name: "x", element: "i32", tensor }],
    uniforms: [["count", "i32", count]],
    code: () => `
@compute @workgroup_size(${conversionThreads})
fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  let at = i32((group.y * ${groupsPerRow}u + group.x) * ${conversionThreads}u + thread);
  if (at < uniforms.count) { y[at] = f32(x[at]); }
}
`,
    groups: [Math.min(groups, groupsPerRow), Math.ceil(groups / groupsPerRow), 1],
  });
  return floats!;
}

/** Whether the device is a GPU: SwiftShader, of vendor "google", runs shaders on the processor. */
export function isHardware(backend: ShaderBackend): boolean {
  return (backend as BackendInternals).adapterInfo?.vendor !== "google";
}

/** The device, for what it can do. */
export function deviceOf(backend: ShaderBackend): GPUDevice {
  return (backend as BackendInternals).device;
}

/** The largest workgroup memory of the device, bytes. */
export function workgroupBytes(backend: ShaderBackend): number {
  return (backend as BackendInternals).device.limits.maxComputeWorkgroupStorageSize;
}

/** As many passes as tfjs itself puts into one submission. */
const passesPerSubmission = 15;

function record(
  backend: BackendInternals,
  pipeline: GPUComputePipeline,
  bindGroup: GPUBindGroup,
  groups: Dispatch["groups"],
): void {
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
  const key = `glof_${work.key}`;
  const known = backend.pipelineCache[key];
  if (known !== undefined) return known;
  const code = `${declarations(work)}\n${work.code()}`;
  const module = backend.device.createShaderModule({ code, label: key });
  const pipeline = backend.device.createComputePipeline({
    compute: { module, entryPoint: "main" },
    label: key,
    layout: "auto",
  });
  backend.pipelineCache[key] = pipeline;
  return pipeline;
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
  return [...enabled, `struct Uniforms { ${fields} };`, ...bound].join("\n");
}
