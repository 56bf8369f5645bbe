import { GlofError } from "@glof/core";
import { assembleFile, type FileLayout, writeLayoutAtomic } from "./file_layout.js";
import { type FloatDtype, type PlannedTensor, planTensors, type TensorsToWrite } from "./tensor_plan.js";

/** Options of `serializeSafetensors` and `writeSafetensors`. */
export interface SafetensorsOptions {
  /** Element type of floating-point values; rounding is to nearest, ties to even. Default `"F32"`. */
  readonly dtype?: FloatDtype;
  /** Free text that goes along. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * The bytes of a safetensors file. Tensors are written in the order of their names, so equal weights give equal bytes.
 *
 * @param tensors values in PyTorch's layouts
 * @throws GlofError `shape-mismatch` when a shape and its values disagree; `bad-argument` for a name that is reserved
 */
export function serializeSafetensors(tensors: TensorsToWrite, options: SafetensorsOptions = {}): Uint8Array {
  const plan = planSorted(tensors, options);
  return assembleFile(safetensorsLayout(plan, options.metadata), plan);
}

/**
 * Writes a safetensors file in Node, tensor by tensor; the file appears under its name only when it is whole.
 *
 * @throws GlofError `shape-mismatch`, `bad-argument`, `no-space`, `not-writable`, `io`
 */
export async function writeSafetensors(
  path: string,
  tensors: TensorsToWrite,
  options: SafetensorsOptions = {},
): Promise<void> {
  const plan = planSorted(tensors, options);
  await writeLayoutAtomic(path, safetensorsLayout(plan, options.metadata), plan);
}

function planSorted(
  tensors: TensorsToWrite,
  { dtype = "F32" }: SafetensorsOptions,
): PlannedTensor<Uint8Array>[] {
  const plan = planTensors("serializeSafetensors", tensors, dtype);
  return plan.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A header with everything in it, then the tensors without gaps. */
export function safetensorsLayout(
  plan: readonly PlannedTensor<unknown>[],
  metadata: Readonly<Record<string, string>> | undefined,
): FileLayout {
  return { head: headerBytes(plan, metadata), place: (_, bytes) => [bytes], tail: () => [] };
}

function headerBytes(
  plan: readonly PlannedTensor<unknown>[],
  metadata: Readonly<Record<string, string>> | undefined,
): Uint8Array {
  const header: Record<string, unknown> = metadata ? { __metadata__: metadata } : {};
  let at = 0;
  for (const { name, dtype, shape, byteLength } of plan) {
    if (name === "__metadata__" || name === "__proto__") {
      throw new GlofError(
        "bad-argument",
        `serializeSafetensors: expected another tensor name, got "${name}". Rename it.`,
      );
    }
    header[name] = { dtype, shape, data_offsets: [at, at + byteLength] };
    at += byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  // Padded with spaces so that the tensors begin at a multiple of 8, as the reference writer does.
  const bytes = new Uint8Array(8 + Math.ceil(json.byteLength / 8) * 8).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(bytes.byteLength - 8), true);
  bytes.set(json, 8);
  return bytes;
}
