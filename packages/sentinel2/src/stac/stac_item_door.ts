import { GlofError } from "@glof/core";
import type { OpenSceneOptions, SceneDoor, SceneSource } from "../scene_door.js";
import type { Scene } from "../types.js";
import { openStacItem } from "./open_stac_item.js";
import { parseStacItem, type StacItem } from "./stac_item.js";
import { fetchJson, readJson } from "./stac_json.js";

/** Opens a STAC item: its file, its address, or its text as a Blob or bytes. */
export const stacItemDoor: SceneDoor = {
  opens: "a STAC item (a .json file or an address of a catalogue's item)",
  recognises,
  open: openItemSource,
};

async function recognises(source: SceneSource): Promise<boolean> {
  if (typeof source === "string" || source instanceof URL) {
    const path = String(source).replace(/[?#].*$/, "");
    if (/\.(?:geo)?json$/i.test(path)) return true;
    // The API of a catalogue: …/collections/sentinel-2-l2a/items/S2A_31UDQ_20230617_0_L2A
    return /^https?:.*\/items\/[^/]+$/i.test(path) && !/\.(?:tiff?|jp2|zip)$/i.test(path);
  }
  const start = source instanceof Blob ? await source.slice(0, 64).arrayBuffer() : source.slice(0, 64);
  return /^\s*\{/.test(new TextDecoder().decode(start));
}

async function openItemSource(source: SceneSource, options: OpenSceneOptions): Promise<Scene> {
  const href = typeof source === "string" || source instanceof URL ? { href: source } : {};
  return openStacItem(await readStacItem(source, options), { ...options, ...href });
}

/** The item of a file, an address or its text, checked. */
export async function readStacItem(source: SceneSource, options: OpenSceneOptions): Promise<StacItem> {
  const { signal, http } = options;
  const address = webAddress(source);
  const where = `openScene(${options.name ?? (typeof source === "string" ? source : (address?.pathname ?? "STAC item"))})`;
  const json = address
    ? await fetchJson(address, { where, signal }, http)
    : await readJson(source, options.name, signal);
  return parseStacItem(json, where);
}

function webAddress(source: SceneSource): URL | undefined {
  if (source instanceof URL) return source.protocol === "file:" ? undefined : source;
  if (typeof source !== "string" || !/^https?:/i.test(source)) return undefined;
  try {
    return new URL(source);
  } catch (cause) {
    throw new GlofError("bad-argument", `openScene(${source}): expected an address, got none. Check it.`, {
      cause,
    });
  }
}
