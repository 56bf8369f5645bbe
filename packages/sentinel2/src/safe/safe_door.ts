import { baseName } from "../product_name.js";
import type { OpenSceneOptions, SceneDoor, SceneSource } from "../scene_door.js";
import type { Scene } from "../types.js";
import { folderFiles, type ProductFiles } from "./product_files.js";
import { productMetadataPaths } from "./safe_layout.js";
import { openProduct } from "./safe_scene.js";
import { zipFiles } from "./zip_files.js";

/** Opens a SAFE product of ESA in a folder, by that or by its `MTD_MSIL1C.xml` or `MTD_MSIL2A.xml`. */
export const safeDoor: SceneDoor = {
  opens: "a SAFE product (a folder with MTD_MSIL1C.xml or MTD_MSIL2A.xml)",
  recognises: async (source) => (await productFolder(source)) !== undefined,
  open: async (source, options) => openFiles(await safeFiles(source, options), options),
};

/** Opens a SAFE product in a zip archive: a path or address that ends in `.zip`, a Blob, or bytes. */
export const safeZipDoor: SceneDoor = {
  opens: "a SAFE product in a .zip",
  recognises: isZip,
  open: async (source, options) => openFiles(await zipFiles(source, options), options),
};

/** The files of a product in a folder or an archive. */
export async function safeFiles(source: SceneSource, options: OpenSceneOptions): Promise<ProductFiles> {
  const folder = await productFolder(source);
  if (folder === undefined) return zipFiles(source, options);
  return folderFiles(folder, options.name ?? baseName(folder));
}

async function openFiles(files: ProductFiles, options: OpenSceneOptions): Promise<Scene> {
  try {
    return await openProduct(files, options);
  } catch (error) {
    await files.close();
    throw error;
  }
}

/** The folder of the product that a source is or lies in. */
async function productFolder(source: SceneSource): Promise<string | undefined> {
  if (typeof source !== "string" || /^[a-z][a-z0-9+.-]+:\/\//i.test(source)) return undefined;
  if (typeof process === "undefined") return undefined;
  const parts = source.split(/[\\/]/);
  if (productMetadataPaths([parts.at(-1)!]).length > 0) return source.slice(0, -parts.at(-1)!.length) || ".";
  // Imported here so that the package loads in a browser.
  const { readdir } = await import("node:fs/promises");
  const names = await readdir(source).catch(() => undefined);
  if (names === undefined) return undefined;
  const looksLike =
    names.includes("GRANULE") || productMetadataPaths(names).length > 0 || /\.SAFE[\\/]*$/i.test(source);
  return looksLike ? source : undefined;
}

/** A source that says so in its name, or begins as archives do. */
async function isZip(source: SceneSource): Promise<boolean> {
  if (typeof source === "string") return /\.zip(?:[?#].*)?$/i.test(source);
  if (source instanceof URL) return /\.zip$/i.test(source.pathname);
  const start = source instanceof ArrayBuffer ? source.slice(0, 4) : await source.slice(0, 4).arrayBuffer();
  // "PK", then the signature of an entry or of the end of an empty archive.
  return (
    start.byteLength === 4 && [0x0403_4b50, 0x0605_4b50].includes(new DataView(start).getUint32(0, true))
  );
}
