import type { ByteSource } from "@glof/core/bytes";
import { buildCheckpoint } from "./build_checkpoint.js";
import { itemBytes } from "./dtypes.js";
import { corrupt, overLimit, unsupported } from "./failures.js";
import { PickleEndsEarly, PickleReader } from "./pickle_reader.js";
import { PyDict, PyList, type PyValue } from "./pickle_values.js";
import { maxPickleBytes } from "./pytorch_zip.js";
import { toContiguous } from "./strided_copy.js";
import { collectTensors, type TorchEntry } from "./torch_tensors.js";
import { torchWorld } from "./torch_world.js";
import type { Checkpoint } from "./types.js";
import { unpickle } from "./unpickle.js";

const firstReadBytes = 1 << 20;
const magicNumber = 0x1950a86a20f9469cfc6cn;

/**
 * Opens what `torch.save` wrote before 1.6: five pickles in a row (magic number, protocol, system, the object, keys of
 * storages), then each storage as its element count (8 bytes) and its elements. Source: torch/serialization.py,
 * `_legacy_save`.
 */
export async function openPytorchLegacy(file: ByteSource): Promise<Checkpoint> {
  const { values, end } = await readPickles(file, 5);
  const [magic, protocol, system, root, keys] = values as [PyValue, PyValue, PyValue, PyValue, PyValue];
  if (magic !== magicNumber || protocol !== 1001) {
    throw unsupported(
      file.name,
      `it is a pickle, but not one of torch.save`,
      "Save a state_dict with torch.save.",
    );
  }
  requireLittleEndian(system, file.name);
  const tensors = collectTensors(root, file.name);
  const starts = await locateStorages(file, keys, tensors, end);
  const entries = new Map(
    [...tensors].map(([name, tensor]) => {
      const offset = starts.get(tensor.storageKey)! + tensor.first * itemBytes[tensor.dtype];
      return [name, { ...tensor, offset }];
    }),
  );
  return buildCheckpoint({
    name: file.name,
    format: "pytorch-legacy",
    entries,
    readBytes: async (entry) =>
      toContiguous(await file.read(entry.offset, entry.span * itemBytes[entry.dtype]), entry),
    close: () => file.close(),
  });
}

function requireLittleEndian(system: PyValue, name: string): void {
  const little = system instanceof PyDict ? system.items.get("little_endian") : undefined;
  if (little !== true)
    throw unsupported(name, "its byte order is not little-endian", "Save it on another machine.");
}

/** The length of a pickle shows only by reading it: more of the file is taken until all of them end. */
async function readPickles(file: ByteSource, count: number): Promise<{ values: PyValue[]; end: number }> {
  for (let length = Math.min(firstReadBytes, file.size); ; length = Math.min(2 * length, file.size)) {
    const reader = new PickleReader(await file.read(0, length), file.name);
    try {
      const world = torchWorld(file.name);
      const values = Array.from({ length: count }, () => unpickle(reader, world));
      return { values, end: reader.at };
    } catch (error) {
      if (!(error instanceof PickleEndsEarly)) throw error;
      if (length === file.size)
        throw corrupt(file.name, `${count} pickles`, "the end of the file in one of them");
      if (length > maxPickleBytes) throw overLimit(file.name, "bytes of pickle", maxPickleBytes, length);
    }
  }
}

async function locateStorages(
  file: ByteSource,
  keys: PyValue,
  entries: ReadonlyMap<string, TorchEntry>,
  end: number,
): Promise<ReadonlyMap<string, number>> {
  const used = new Map<string, TorchEntry>();
  for (const entry of entries.values()) {
    const known = used.get(entry.storageKey) ?? entry;
    if (known.storageBytes !== entry.storageBytes || known.dtype !== entry.dtype) {
      throw corrupt(file.name, `one size and dtype for storage ${entry.storageKey}`, "two");
    }
    used.set(entry.storageKey, entry);
  }
  const order = keys instanceof PyList ? keys.items : [];
  const starts = new Map<string, number>();
  let at = end;
  for (const key of order) {
    const entry = typeof key === "string" ? used.get(key) : undefined;
    if (!entry || starts.has(entry.storageKey)) {
      throw corrupt(file.name, "keys of the storages that its tensors use, each once", `"${String(key)}"`);
    }
    const prefix = await file.read(at, 8);
    const count = new DataView(prefix.buffer, prefix.byteOffset).getBigInt64(0, true);
    const stated = BigInt(entry.storageBytes) / BigInt(itemBytes[entry.dtype]);
    if (count !== stated)
      throw corrupt(file.name, `storage ${entry.storageKey} of ${stated} elements`, `${count}`);
    starts.set(entry.storageKey, at + 8);
    at += 8 + entry.storageBytes;
    if (at > file.size)
      throw corrupt(file.name, `storage ${entry.storageKey} inside the file`, "its end before");
  }
  const absent = [...used.keys()].find((key) => !starts.has(key));
  if (absent !== undefined) throw corrupt(file.name, `storage ${absent} in the list of storages`, "none");
  return starts;
}
