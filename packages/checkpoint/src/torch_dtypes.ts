import type { CheckpointDtype } from "./types.js";

/** Classes of storages and the dtype of their elements; an untyped storage counts bytes. */
export const storageDtypes: Readonly<Record<string, CheckpointDtype | "untyped">> = {
  "torch.DoubleStorage": "F64",
  "torch.FloatStorage": "F32",
  "torch.HalfStorage": "F16",
  "torch.BFloat16Storage": "BF16",
  "torch.LongStorage": "I64",
  "torch.IntStorage": "I32",
  "torch.ShortStorage": "I16",
  "torch.CharStorage": "I8",
  "torch.ByteStorage": "U8",
  "torch.BoolStorage": "BOOL",
  "torch.storage.UntypedStorage": "untyped",
  "torch.UntypedStorage": "untyped",
};

/** Names of dtypes as `_rebuild_tensor_v3` takes them. */
export const torchDtypes: Readonly<Record<string, CheckpointDtype>> = {
  "torch.float64": "F64",
  "torch.float32": "F32",
  "torch.float16": "F16",
  "torch.bfloat16": "BF16",
  "torch.int64": "I64",
  "torch.int32": "I32",
  "torch.int16": "I16",
  "torch.int8": "I8",
  "torch.uint8": "U8",
  "torch.bool": "BOOL",
};

/** Name, within `torch`, of the class of storages of a dtype. */
export function storageClassOf(dtype: CheckpointDtype): string {
  const path = Object.keys(storageDtypes).find((name) => storageDtypes[name] === dtype)!;
  return path.slice("torch.".length);
}
