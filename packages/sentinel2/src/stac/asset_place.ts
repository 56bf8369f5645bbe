import { GlofError } from "@glof/core";

/** Where an item was read, against which its relative hrefs are. */
export type ItemPlace =
  | { readonly kind: "url"; readonly url: URL }
  | { readonly kind: "folder"; readonly path: string }
  | { readonly kind: "none" };

/** The place of an item that was opened from this source. */
export function placeOf(source: string | URL | Blob | ArrayBuffer): ItemPlace {
  if (source instanceof URL) return { kind: "url", url: source };
  if (typeof source !== "string") return { kind: "none" };
  if (/^https?:/i.test(source)) return { kind: "url", url: parseUrl(source, undefined, "openStacItem") };
  return { kind: "folder", path: /^(.*[\\/])?/.exec(source)![0] };
}

/**
 * Where an asset is. A local item may name files of this machine and any address; one from the web only addresses.
 *
 * @throws GlofError `bad-argument` for an href that such an item may not name
 */
export function locateAsset(href: string, place: ItemPlace, where: string): string | URL {
  const isLocal = place.kind === "folder" || (place.kind === "url" && place.url.protocol === "file:");
  const scheme = /^([a-z][a-z\d+.-]+):/i.exec(href)?.[1]?.toLowerCase();
  if (scheme === "http" || scheme === "https") return parseUrl(href, undefined, where);
  const allowed = scheme === undefined ? place.kind !== "none" : scheme === "file" && isLocal;
  if (!allowed) {
    throw new GlofError(
      "bad-argument",
      `${where}: expected an http: or https: address${place.kind === "none" ? "" : " or one relative to the item"}, ` +
        `got ${href.slice(0, 100)}. Download the file, or sign the address.`,
      { href },
    );
  }
  if (scheme === "file") return parseUrl(href, undefined, where);
  if (place.kind === "url") return parseUrl(href, place.url, where);
  if (place.kind === "folder" && !/^[\\/]|^[a-z]:[\\/]/i.test(href)) return `${place.path}${href}`;
  return href;
}

function parseUrl(text: string, base: URL | undefined, where: string): URL {
  try {
    return new URL(text, base);
  } catch (cause) {
    throw new GlofError(
      "bad-argument",
      `${where}: expected an address, got ${text.slice(0, 100)}. Tell the catalogue's owner.`,
      { cause },
    );
  }
}
