import { elementCount, itemBytes } from "./dtypes.js";
import { corrupt, overLimit } from "./failures.js";
import { PyDict, PyList, PyTuple, type PyValue, TorchTensor } from "./pickle_values.js";
import { storageDtypes, torchDtypes } from "./torch_dtypes.js";
import type { CheckpointDtype, CheckpointEntry } from "./types.js";

/** A tensor of a torch file, checked: a strided view that stays inside its storage. */
export interface TorchEntry extends CheckpointEntry {
  readonly storageKey: string;
  /** Bytes of the whole storage, as the pickle counts them. */
  readonly storageBytes: number;
  /** First element in its storage, of this dtype. */
  readonly first: number;
  /** Elements from the first one to the last one, both included; 0 for an empty tensor. */
  readonly span: number;
  readonly stride: readonly number[];
}

const maxTensors = 100_000;
const maxVisits = 1_000_000;
const maxDepth = 100;
/** Torch has 64 axes at most; names are paths of modules. */
const maxAxes = 64;
const maxNameLength = 1000;
/** A view may repeat elements (stride 0); beyond its storage's size only up to this many. */
const maxRepeatedElements = 1 << 24;

/**
 * Every tensor in a tree of dicts, lists and tuples, named by its path with dots: `model.blocks.0.norm1.weight`. A bare
 * tensor is called `tensor`. Other values are passed over.
 */
export function collectTensors(root: PyValue, name: string): ReadonlyMap<string, TorchEntry> {
  const entries = new Map<string, TorchEntry>();
  const open = new Set<PyValue>();
  let visits = 0;
  const visit = (value: PyValue, path: string): void => {
    if (++visits > maxVisits) throw overLimit(name, "values", maxVisits, visits);
    if (path.length > maxNameLength) throw overLimit(name, "letters in a name", maxNameLength, path.length);
    if (value instanceof TorchTensor) {
      const tensor = path || "tensor";
      if (entries.has(tensor)) throw corrupt(name, "one tensor of each name", `"${tensor}" twice`);
      if (entries.size >= maxTensors) throw overLimit(name, "tensors", maxTensors, entries.size + 1);
      entries.set(tensor, checkTensor(value, tensor, name));
      return;
    }
    const children = childrenOf(value);
    if (!children) return;
    if (open.has(value)) throw corrupt(name, "a tree of values", `one that holds itself ("${path}")`);
    if (open.size >= maxDepth) throw overLimit(name, "levels of nesting", maxDepth, open.size + 1);
    open.add(value);
    for (const [key, child] of children) visit(child, path ? `${path}.${key}` : key);
    open.delete(value);
  };
  visit(root, "");
  return entries;
}

function* childrenOfDict(dict: PyDict): Generator<[string, PyValue]> {
  for (const [key, child] of dict.items) {
    // Only names and numbers can be part of a path; torch uses no others.
    if (typeof key === "string" || typeof key === "number") yield [String(key), child];
  }
}

function childrenOf(value: PyValue): Iterable<[string, PyValue]> | undefined {
  if (value instanceof PyDict) return childrenOfDict(value);
  if (value instanceof PyList || value instanceof PyTuple) {
    return value.items.map((child, index): [string, PyValue] => [String(index), child]);
  }
  return undefined;
}

function checkTensor(tensor: TorchTensor, name: string, file: string): TorchEntry {
  const where = `tensor "${name}"`;
  const shape = sizesOf(tensor.shape);
  const stride = sizesOf(tensor.stride);
  const count = shape && elementCount(shape);
  const { offset, storage } = tensor;
  const atSound = typeof offset === "number" && Number.isSafeInteger(offset) && offset >= 0;
  if (!shape || !stride || stride.length !== shape.length || count === undefined || !atSound) {
    throw corrupt(file, `${where} to have a size, stride and offset of whole numbers`, "others");
  }
  if (shape.length > maxAxes) throw overLimit(file, `axes in ${where}`, maxAxes, shape.length);
  const { dtype, storageElements, storageBytes } = describeStorage(tensor, where, file);
  const span = count === 0 ? 0 : 1 + shape.reduce((sum, size, axis) => sum + (size - 1) * stride[axis]!, 0);
  const first = offset + storage.viewOffset;
  if (!(Number.isSafeInteger(span) && first + span <= storageElements) && count > 0) {
    throw corrupt(
      file,
      `${where} inside its storage of ${storageElements} elements`,
      `${span} from ${first}`,
    );
  }
  if (count > Math.max(storageElements, maxRepeatedElements)) {
    throw overLimit(file, `elements in ${where}`, Math.max(storageElements, maxRepeatedElements), count);
  }
  return { name, dtype, shape, stride, span, first, storageKey: storage.key, storageBytes };
}

function describeStorage(
  { storage, dtype: stated }: TorchTensor,
  where: string,
  file: string,
): { dtype: CheckpointDtype; storageElements: number; storageBytes: number } {
  const kind = storageDtypes[storage.storageClass];
  const dtype = kind === "untyped" ? torchDtypes[stated ?? ""] : kind;
  if (!kind || !dtype) throw corrupt(file, `${where} to have a dtype`, storage.storageClass);
  const storageBytes = storage.elementCount * (kind === "untyped" ? 1 : itemBytes[kind]);
  if (!Number.isSafeInteger(storageBytes)) throw corrupt(file, `${where} in a file`, `${storageBytes} bytes`);
  return { dtype, storageBytes, storageElements: Math.floor(storageBytes / itemBytes[dtype]) };
}

function sizesOf(value: PyValue): number[] | undefined {
  if (!(value instanceof PyTuple || value instanceof PyList)) return undefined;
  const sizes: number[] = [];
  for (const size of value.items) {
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) return undefined;
    sizes.push(size);
  }
  return sizes;
}
