import { GlofError } from "@glof/core";
import { inNode, loadUrl } from "../../node_only.js";
import type { RasterSource } from "../../types.js";
import type { ByteSource } from "../byte_source.js";
import { createCubeSource } from "../cube/cube_source.js";
import type { CubeStore } from "../cube/cube_store.js";
import type { OpenRasterOptions, RasterInput } from "../raster_format.js";
import { requireEndingHeaps } from "./check_heaps.js";
import { type Hdf5Module, isBrokenModule, loadHdf5 } from "./hdf5_module.js";
import { createHdf5Store, reasonOf } from "./hdf5_store.js";

/** Files that are no local path are held in memory, up to this size. */
const maxMemoryBytes = 2 ** 30;

const signature = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];

/** Whether a file begins as HDF5 does; NetCDF-4 is HDF5 with conventions. */
export const isHdf5Start = (start: Uint8Array): boolean =>
  signature.every((byte, index) => start[index] === byte);

/** Whether a file begins as classic NetCDF (versions 1, 2 and 5) does. */
export const isClassicNetcdfStart = (start: Uint8Array): boolean =>
  start[0] === 0x43 && start[1] === 0x44 && start[2] === 0x46 && [1, 2, 5].includes(start[3]!);

/**
 * Opens a variable of a NetCDF-4 or HDF5 file by the optional peer `h5wasm`. A path is read from disk piece by piece; a
 * `Blob`, buffer or URL is held in memory, up to 1 GiB.
 *
 * @throws GlofError `unsupported-feature` without the peer; `bad-argument`, `corrupt-file`, `limit-exceeded`
 */
export async function openNetcdf(
  bytes: ByteSource,
  options: OpenRasterOptions,
  input: RasterInput,
): Promise<RasterSource> {
  const store = await openNetcdfStore(bytes, options, input);
  try {
    return await createCubeSource(store, options.variable);
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** @throws GlofError `unsupported-feature`: classic files hold no HDF5 */
export function refuseClassicNetcdf(bytes: ByteSource): never {
  throw new GlofError(
    "unsupported-feature",
    `${bytes.name}: expected NetCDF-4, got NetCDF classic (version 3). Convert it: nccopy -k nc4 in.nc out.nc`,
    { name: bytes.name },
  );
}

/** Opens the file and lists its variables; closing the store closes `bytes`. */
export async function openNetcdfStore(
  bytes: ByteSource,
  options: OpenRasterOptions,
  input: RasterInput,
): Promise<CubeStore> {
  const path = await localPath(input);
  await requireEndingHeaps(bytes, options.signal);
  const module = await loadSound(path === undefined ? "memory" : "disk", options, bytes.name);
  const { FS } = await module.ready;
  const place = path ?? (await copyToMemory(bytes, FS));
  try {
    const file = new module.File(place, "r");
    return createHdf5Store(file, bytes.name, async () => {
      if (path === undefined) FS.unlink(place);
      await bytes.close();
    });
  } catch (error) {
    if (path === undefined) FS.unlink(place);
    if (error instanceof GlofError) throw error;
    isBrokenModule(error);
    throw new GlofError(
      "corrupt-file",
      `${bytes.name}: expected a whole HDF5 file, got ${reasonOf(error)}. Copy or make the file again.`,
      { name: bytes.name, cause: error },
    );
  }
}

/** The module, ready to turn HDF5's failures into errors; a new copy where the one at hand is broken. */
async function loadSound(
  kind: "disk" | "memory",
  { peers }: OpenRasterOptions,
  name: string,
  isLast = false,
): Promise<Hdf5Module> {
  const module = await loadHdf5(kind, peers?.h5wasm);
  try {
    (await module.ready).activate_throwing_error_handler();
    return module;
  } catch (cause) {
    if (!isLast && isBrokenModule(cause)) return loadSound(kind, { peers }, name, true);
    throw new GlofError(
      "out-of-memory",
      `${name}: expected h5wasm to work, got ${reasonOf(cause)}. Damaged files have filled its memory: start again.`,
      { name, cause },
    );
  }
}

async function localPath(input: RasterInput): Promise<string | undefined> {
  if (!inNode()) return undefined;
  if (typeof input === "string" && !/^https?:\/\//i.test(input)) {
    return input.startsWith("file:") ? (await loadUrl()).fileURLToPath(input) : input;
  }
  return input instanceof URL && input.protocol === "file:"
    ? (await loadUrl()).fileURLToPath(input)
    : undefined;
}

let copies = 0;

async function copyToMemory(
  bytes: ByteSource,
  files: { writeFile(path: string, content: Uint8Array): void },
): Promise<string> {
  if (bytes.size > maxMemoryBytes) {
    throw new GlofError(
      "limit-exceeded",
      `${bytes.name}: expected up to 1 GiB to hold in memory, got ${bytes.size} bytes. Save the file to disk and give its path in Node.`,
      { name: bytes.name, size: bytes.size },
    );
  }
  const place = `glof_${copies++}.nc`;
  files.writeFile(place, await bytes.read(0, bytes.size));
  return place;
}
