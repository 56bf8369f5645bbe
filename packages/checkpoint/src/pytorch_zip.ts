import { type ByteSource, openZip, requireCrc32, type ZipArchive, type ZipEntry } from "@glof/core/bytes";
import { buildCheckpoint } from "./build_checkpoint.js";
import { itemBytes } from "./dtypes.js";
import { corrupt, overLimit, unsupported } from "./failures.js";
import { PickleEndsEarly, PickleReader } from "./pickle_reader.js";
import type { PyValue } from "./pickle_values.js";
import { toContiguous } from "./strided_copy.js";
import { collectTensors, type TorchEntry } from "./torch_tensors.js";
import { torchWorld } from "./torch_world.js";
import type { Checkpoint } from "./types.js";
import { unpickle } from "./unpickle.js";

/** The pickle of ViT-g names 567 tensors in about 60 kB. */
export const maxPickleBytes = 64 << 20;

/**
 * Opens what `torch.save` writes since 1.6: a zip of `data.pkl` and one stored file per storage. Only the directory and
 * the pickle are read here; each tensor's bytes are read when asked for.
 */
export async function openPytorchZip(file: ByteSource): Promise<Checkpoint> {
  // torch.save writes checksums of 0 when it is told to compute none.
  const zip = await openZip(file, { zeroCrcIsNone: true });
  const files = zip.entries;
  const folder = findFolder(file.name, files);
  await requireLittleEndian(zip, files.get(`${folder}byteorder`));
  const tensors = collectTensors(await readPickle(zip, files.get(`${folder}data.pkl`)!), file.name);
  const storages = new Map<string, ZipEntry>();
  const entries = new Map<string, TorchEntry>();
  for (const tensor of tensors.values()) {
    const { name, storageKey, storageBytes } = tensor;
    const storage = files.get(`${folder}data/${storageKey}`);
    if (storage?.byteLength !== storageBytes) {
      throw corrupt(
        file.name,
        `storage ${storageKey} of "${name}" to have ${storageBytes} bytes`,
        storage ? `${storage.byteLength}` : "none",
      );
    }
    requireStored(file.name, storage);
    storages.set(storageKey, storage);
    const offset = storage.headerOffset + tensor.first * itemBytes[tensor.dtype];
    entries.set(name, { ...tensor, offset });
  }
  return buildCheckpoint({
    name: file.name,
    format: "pytorch-zip",
    entries,
    readBytes: async (entry) => {
      const storage = storages.get(entry.storageKey)!;
      const start = await zip.locate(storage);
      const step = itemBytes[entry.dtype];
      const bytes = await file.read(start + entry.first * step, entry.span * step);
      if (bytes.byteLength === storage.byteLength && storage.crc32 !== 0) {
        requireCrc32(file.name, storage, bytes);
      }
      return toContiguous(bytes, entry);
    },
    close: () => file.close(),
  });
}

/** Everything lies in one folder, named after the file that `torch.save` was given. */
function findFolder(name: string, files: ReadonlyMap<string, ZipEntry>): string {
  const pickles = [...files.keys()].filter((path) => /^[^/]+\/data\.pkl$/.test(path));
  if (pickles.length !== 1) {
    throw unsupported(
      name,
      `it is a zip, but not one of torch.save (${pickles.length} files named data.pkl)`,
      "TorchScript and other archives are not read: save a state_dict.",
    );
  }
  return pickles[0]!.slice(0, -"data.pkl".length);
}

async function requireLittleEndian(zip: ZipArchive, entry: ZipEntry | undefined): Promise<void> {
  if (!entry) return;
  requireStored(zip.name, entry);
  const word = new TextDecoder().decode(await zip.read(entry, { maxBytes: 64 }));
  if (word !== "little")
    throw unsupported(zip.name, `its byte order is "${word}"`, "Save it on a little-endian machine.");
}

/** Tensors are read from where they lie, and a small archive must not unpack to a large one. */
function requireStored(name: string, { method, path }: ZipEntry): void {
  if (method === "stored") return;
  throw unsupported(
    name,
    `"${path}" is compressed, which torch.save never does`,
    "Unpack it and zip it again without compression (zip -0).",
  );
}

async function readPickle(zip: ZipArchive, entry: ZipEntry): Promise<PyValue> {
  requireStored(zip.name, entry);
  if (entry.byteLength > maxPickleBytes) {
    throw overLimit(zip.name, "bytes of pickle", maxPickleBytes, entry.byteLength);
  }
  const bytes = await zip.read(entry);
  try {
    return unpickle(new PickleReader(bytes, zip.name), torchWorld(zip.name));
  } catch (error) {
    if (error instanceof PickleEndsEarly)
      throw corrupt(zip.name, "a pickle that ends with STOP", "its end before");
    throw error;
  }
}
