import { GlofError } from "@glof/core";
import { openRaster, type RasterSource } from "@glof/geo";
import { MAX_XML_BYTES } from "./xml.js";

/** The files of a product, wherever they lie. */
export interface ProductFiles {
  /** Name for messages. */
  readonly name: string;
  /** Paths inside the product, with `/` between parts, sorted. */
  readonly paths: readonly string[];
  /** What to write down as the path of a file: a path on disk, or inside an archive `product.zip!/…`. */
  pathOf(path: string): string;
  readText(path: string): Promise<string>;
  openRaster(path: string): Promise<RasterSource>;
  close(): Promise<void>;
}

/** A product has about 100 files, five folders deep; these bound the search in what is none. */
const mostFiles = 20_000;
const deepest = 6;

/** The files in a folder and its folders. Links to folders are not followed. */
export async function folderFiles(folder: string, name: string): Promise<ProductFiles> {
  const root = folder.replace(/[\\/]+$/, "");
  const paths: string[] = [];
  await listInto(paths, root, "", name, 0);
  return {
    name,
    paths: paths.sort(),
    pathOf: (path) => `${root}/${path}`,
    readText: (path) => readTextFile(`${root}/${path}`),
    openRaster: (path) => openRaster(`${root}/${path}`),
    close: async () => {},
  };
}

async function listInto(
  paths: string[],
  root: string,
  inside: string,
  name: string,
  depth: number,
): Promise<void> {
  // Imported here so that the package loads in a browser.
  const { readdir } = await import("node:fs/promises");
  const entries = await readdir(inside === "" ? root : `${root}/${inside}`, { withFileTypes: true });
  for (const entry of entries) {
    const path = inside === "" ? entry.name : `${inside}/${entry.name}`;
    if (entry.isFile() || entry.isSymbolicLink()) paths.push(path);
    else if (entry.isDirectory() && depth < deepest) await listInto(paths, root, path, name, depth + 1);
    if (paths.length > mostFiles) {
      throw new GlofError(
        "limit-exceeded",
        `openScene(${name}): expected the folder of one product, got more than ${mostFiles} files. Give the .SAFE folder.`,
      );
    }
  }
}

async function readTextFile(path: string): Promise<string> {
  const { readFile, stat } = await import("node:fs/promises");
  try {
    const { size } = await stat(path);
    if (size <= MAX_XML_BYTES) return await readFile(path, "utf8");
    throw new GlofError(
      "limit-exceeded",
      `${path}: expected metadata of at most ${MAX_XML_BYTES} bytes, got ${size}. Check the file.`,
    );
  } catch (error) {
    if (error instanceof GlofError) throw error;
    throw new GlofError("io", `${path}: expected a readable file, got ${String(error)}. Check it.`, {
      cause: error,
    });
  }
}
