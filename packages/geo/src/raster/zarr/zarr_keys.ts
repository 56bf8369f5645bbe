import { GlofError, isGlofError } from "@glof/core";
import { inNode, loadFs, loadUrl } from "../../node_only.js";
import { openByteSource } from "../open_byte_source.js";
import type { RasterInput } from "../raster_format.js";
import type { ZarrKeys } from "./zarr_module.js";

/** A Zarr hierarchy by its keys: a folder or a place on the web. */
export interface ZarrPlace extends ZarrKeys {
  readonly name: string;
  /** Names below a folder key; `undefined` where a place cannot list (the web). */
  list(folder: string): Promise<readonly string[] | undefined>;
}

/** Metadata and chunks larger than this are refused. */
const maxKeyBytes = 2 ** 30;

/**
 * The Zarr hierarchy that `input` names: a local folder with `zarr.json`, `.zgroup` or `.zarray` in it, or a URL or path
 * that ends with `.zarr`.
 *
 * @returns `undefined` for anything else
 */
export async function zarrPlace(
  input: RasterInput,
  name: string | undefined,
): Promise<ZarrPlace | undefined> {
  if (typeof input !== "string" && !(input instanceof URL)) return undefined;
  const text = String(input);
  if (/^https?:\/\//i.test(text)) {
    const url = new URL(text);
    return /\.zarr\/?$/i.test(url.pathname) ? webPlace(url, name ?? text) : undefined;
  }
  if (!inNode()) return undefined;
  const path = text.startsWith("file:") ? (await loadUrl()).fileURLToPath(text) : text;
  const names = await (await loadFs()).readdir(path).catch(() => undefined);
  const isZarr = names?.some((entry) => ["zarr.json", ".zgroup", ".zarray", ".zmetadata"].includes(entry));
  return isZarr ? folderPlace(path.replace(/\/+$/, ""), name ?? path) : undefined;
}

function folderPlace(folder: string, name: string): ZarrPlace {
  return {
    name,
    async get(key) {
      const { readFile, stat } = await loadFs();
      const path = `${folder}/${safeKey(key, name)}`;
      try {
        const { size } = await stat(path);
        if (size > maxKeyBytes) throw tooLarge(name, key, size);
        return new Uint8Array(await readFile(path));
      } catch (error) {
        const code = (error as { code?: string }).code;
        if (code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR") return undefined;
        if (isGlofError(error)) throw error;
        throw new GlofError(
          "io",
          `${name}: expected to read ${key}, got ${code ?? error}. Check the folder.`,
          {
            cause: error,
          },
        );
      }
    },
    async list(below) {
      const { readdir } = await loadFs();
      const entries = await readdir(`${folder}/${safeKey(below, name)}`, { withFileTypes: true }).catch(
        () => [],
      );
      return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
    },
  };
}

/** Keys come from metadata: none may lead out of the folder. */
function safeKey(key: string, name: string): string {
  const parts = key.split("/").filter((part) => part !== "");
  if (parts.some((part) => part === ".." || part === "." || part.includes("\\") || part.includes("\0"))) {
    throw new GlofError(
      "corrupt-file",
      `${name}: expected keys inside the folder, got ${key}. Check the file.`,
    );
  }
  return parts.join("/");
}

const tooLarge = (name: string, key: string, size: number): GlofError =>
  new GlofError(
    "limit-exceeded",
    `${name}: expected chunks up to 1 GiB, got ${size} bytes in ${key}. Rechunk the file.`,
  );

function webPlace(url: URL, name: string): ZarrPlace {
  const base = url.href.replace(/[?#].*$/, "").replace(/\/*$/, "/");
  return {
    name,
    async get(key) {
      try {
        const bytes = await openByteSource(new URL(safeKey(key, name), base).href + url.search, undefined);
        try {
          if (bytes.size > maxKeyBytes) throw tooLarge(name, key, bytes.size);
          return await bytes.read(0, bytes.size);
        } finally {
          await bytes.close();
        }
      } catch (error) {
        if (isGlofError(error, "not-found")) return undefined;
        throw error;
      }
    },
    list: async () => undefined,
  };
}
