import { buildCheckpoint } from "./build_checkpoint.js";
import { itemBytes } from "./dtypes.js";
import { corrupt, overLimit, unsupported } from "./failures.js";
import { PickleEndsEarly, PickleReader } from "./pickle_reader.js";
import type { PyValue } from "./pickle_values.js";
import type { ByteSource } from "./random_access.js";
import { toContiguous } from "./strided_copy.js";
import { collectTensors, type TorchEntry } from "./torch_tensors.js";
import { torchWorld } from "./torch_world.js";
import type { Checkpoint } from "./types.js";
import { unpickle } from "./unpickle.js";
import { locateZipData, readZipDirectory, type ZipEntry } from "./zip_directory.js";

/** The pickle of ViT-g names 567 tensors in about 60 kB. */
export const maxPickleBytes = 64 << 20;

/**
 * Opens what `torch.save` writes since 1.6: a zip of `data.pkl` and one stored file per storage. Only the directory and
 * the pickle are read here; each tensor's bytes are read when asked for.
 */
export async function openPytorchZip(file: ByteSource): Promise<Checkpoint> {
  const files = await readZipDirectory(file);
  const folder = findFolder(file.name, files);
  await requireLittleEndian(file, files.get(`${folder}byteorder`));
  const tensors = collectTensors(await readPickle(file, files.get(`${folder}data.pkl`)!), file.name);
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
    storages.set(storageKey, storage);
    const offset = storage.headerOffset + tensor.first * itemBytes[tensor.dtype];
    entries.set(name, { ...tensor, offset });
  }
  return buildCheckpoint({
    name: file.name,
    format: "pytorch-zip",
    entries,
    readBytes: async (entry) => {
      const start = await locateZipData(file, storages.get(entry.storageKey)!);
      const step = itemBytes[entry.dtype];
      return toContiguous(await file.read(start + entry.first * step, entry.span * step), entry);
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

async function requireLittleEndian(file: ByteSource, entry: ZipEntry | undefined): Promise<void> {
  if (!entry) return;
  const start = await locateZipData(file, entry);
  const word = new TextDecoder().decode(await file.read(start, Math.min(entry.byteLength, 16)));
  if (word !== "little")
    throw unsupported(file.name, `its byte order is "${word}"`, "Save it on a little-endian machine.");
}

async function readPickle(file: ByteSource, entry: ZipEntry): Promise<PyValue> {
  if (entry.byteLength > maxPickleBytes) {
    throw overLimit(file.name, "bytes of pickle", maxPickleBytes, entry.byteLength);
  }
  const bytes = await file.read(await locateZipData(file, entry), entry.byteLength);
  try {
    return unpickle(new PickleReader(bytes, file.name), torchWorld(file.name));
  } catch (error) {
    if (error instanceof PickleEndsEarly)
      throw corrupt(file.name, "a pickle that ends with STOP", "its end before");
    throw error;
  }
}
