import { baseName } from "../product_name.js";
import type { OpenSceneOptions, SceneDoor, SceneSource } from "../scene_door.js";
import type { Scene } from "../types.js";
import { folderFiles, type ProductFiles } from "./product_files.js";
import { productMetadataPaths } from "./safe_layout.js";
import { openProduct } from "./safe_scene.js";

/** Opens a SAFE product of ESA: its folder, or its `MTD_MSIL1C.xml` or `MTD_MSIL2A.xml`. */
export const safeDoor: SceneDoor = {
  opens: "a SAFE product (a folder with MTD_MSIL1C.xml or MTD_MSIL2A.xml)",
  recognises: async (source) => (await productFolder(source)) !== undefined,
  open: async (source, options) => {
    const folder = (await productFolder(source))!;
    return openFiles(await folderFiles(folder, options.name ?? baseName(folder)), options);
  },
};

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
  const { readdir } = await import("node:fs/promises");
  const names = await readdir(source).catch(() => undefined);
  if (names === undefined) return undefined;
  const looksLike =
    names.includes("GRANULE") || productMetadataPaths(names).length > 0 || /\.SAFE[\\/]*$/i.test(source);
  return looksLike ? source : undefined;
}
