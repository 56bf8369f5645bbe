import { Recent } from "../recent.js";

/**
 * Bind groups and uniform buffers that are made once and used again.
 *
 * A model runs the same shaders on the same sizes over and over, and the pool hands the same buffers out again. On Dawn in Node a
 * bind group costs about 100 µs to make, more than all else of a dispatch together; to find one takes 2 µs.
 *
 * Groups are kept by the numbers of their buffers: they hold Dawn's side of a buffer, whose memory goes when the pool destroys it.
 * Their own memory is freed by garbage collection once they have not been used for long.
 */

/** What is kept of a pipeline. */
interface PipelineBindings {
  readonly id: number;
  readonly layout: GPUBindGroupLayout;
  /** Buffers by the values they hold; `null`: seen once, and perhaps never again, as the step sizes of an optimiser are. */
  readonly uniforms: Recent<GPUBuffer | null>;
}

/** More values than any model has for one shader. */
const mostUniforms = 128;
/** More groups than a training step of any model: one of ViT-g with checkpoints takes some 3000. At about 1 kB a group. */
const mostGroups = 4096;

const pipelines = new WeakMap<GPUComputePipeline, PipelineBindings>();
const bufferIds = new WeakMap<GPUBuffer, number>();
// With the device that they belong to they go.
const groupsOf = new WeakMap<GPUDevice, Recent<GPUBindGroup>>();
let lastId = 0;

function bindingsOf(pipeline: GPUComputePipeline): PipelineBindings {
  const known = pipelines.get(pipeline);
  if (known !== undefined) return known;
  const fresh = {
    id: ++lastId,
    layout: pipeline.getBindGroupLayout(0),
    uniforms: new Recent<GPUBuffer | null>(mostUniforms),
  };
  pipelines.set(pipeline, fresh);
  return fresh;
}

function idOf(buffer: GPUBuffer): number {
  const known = bufferIds.get(buffer);
  if (known !== undefined) return known;
  bufferIds.set(buffer, ++lastId);
  return lastId;
}

/** Whole numbers and fractions of a struct of 4-byte scalars, in order. */
export type Scalars = readonly (readonly [name: string, type: "i32" | "f32", value: number])[];

/** A buffer of these values that nobody writes to any more, or `undefined` at their first appearance. */
function lastingUniforms(
  device: GPUDevice,
  { uniforms }: PipelineBindings,
  scalars: Scalars,
): GPUBuffer | undefined {
  let key = "";
  for (const [, , value] of scalars) key += `${value},`;
  const known = uniforms.get(key);
  if (known) return known;
  const buffer = known === null ? uniformBuffer(device, scalars) : undefined;
  uniforms.set(key, buffer ?? null);
  return buffer;
}

function uniformBuffer(device: GPUDevice, scalars: Scalars): GPUBuffer {
  const bytes = new ArrayBuffer(4 * scalars.length);
  const [wholes, floats] = [new Int32Array(bytes), new Float32Array(bytes)];
  for (const [at, [, type, value]] of scalars.entries()) (type === "i32" ? wholes : floats)[at] = value;
  const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
  const buffer = device.createBuffer({ size: bytes.byteLength, usage });
  device.queue.writeBuffer(buffer, 0, bytes);
  return buffer;
}

/**
 * The bind group of a pipeline over storage buffers and uniforms, the one that was made before where there is one.
 *
 * @param passing makes a uniform buffer for this call alone
 */
export function bindGroupOf(
  device: GPUDevice,
  pipeline: GPUComputePipeline,
  storage: readonly GPUBindingResource[],
  scalars: Scalars,
  passing: () => GPUBindingResource,
): GPUBindGroup {
  const bindings = bindingsOf(pipeline);
  const make = (uniforms: GPUBindingResource): GPUBindGroup =>
    device.createBindGroup({
      layout: bindings.layout,
      entries: [...storage, uniforms].map((resource, binding) => ({ binding, resource })),
    });
  const lasting = lastingUniforms(device, bindings, scalars);
  if (lasting === undefined) return make(passing());
  let key = `${bindings.id}/${idOf(lasting)}`;
  for (const resource of storage) {
    // A tensor out of a picture or a video is a texture: it does not come again.
    if (!isBuffer(resource)) return make({ buffer: lasting });
    key += `/${idOf(resource.buffer)}`;
  }
  const groups = groupsAt(device);
  const known = groups.get(key);
  if (known !== undefined) return known;
  const group = make({ buffer: lasting });
  groups.set(key, group);
  return group;
}

const isBuffer = (resource: GPUBindingResource): resource is GPUBufferBinding =>
  "buffer" in resource && resource.offset === undefined;

function groupsAt(device: GPUDevice): Recent<GPUBindGroup> {
  const known = groupsOf.get(device);
  if (known !== undefined) return known;
  const fresh = new Recent<GPUBindGroup>(mostGroups);
  groupsOf.set(device, fresh);
  return fresh;
}
