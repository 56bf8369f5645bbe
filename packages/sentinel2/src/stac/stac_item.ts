import { GlofError } from "@glof/core";

/** A file of an item. Other members are as the item has them. */
export interface StacAsset {
  readonly href: string;
  readonly type?: string;
  readonly title?: string;
  readonly roles?: readonly string[];
  readonly [member: string]: unknown;
}

/** A link of an item or of a page of results. */
export interface StacLink {
  readonly rel: string;
  readonly href: string;
  readonly [member: string]: unknown;
}

/** A STAC item, 1.0 and 1.1 and the late betas before: its checked part, with everything else as it came. */
export interface StacItem {
  readonly type: "Feature";
  readonly stac_version: string;
  readonly id: string;
  readonly collection?: string;
  /** GeoJSON in longitude and latitude. */
  readonly geometry: Readonly<Record<string, unknown>> | null;
  /** West, south, east, north in degrees. */
  readonly bbox?: readonly number[];
  readonly properties: Readonly<Record<string, unknown>>;
  readonly assets: Readonly<Record<string, StacAsset>>;
  readonly links: readonly StacLink[];
}

const kinds: Readonly<Record<string, string>> = {
  FeatureCollection: "a collection of items: open one of its features with openStacItem",
  Collection: "a collection: search it with searchStac",
  Catalog: "a catalogue: search it with searchStac",
};

type Json = Readonly<Record<string, unknown>>;

/** Whether a value of JSON is an object. */
export const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Checks what came as a STAC item.
 *
 * @throws GlofError `unsupported-format` for another kind of document; `corrupt-file` naming the member that is wrong
 */
export function parseStacItem(value: unknown, where: string): StacItem {
  const type = isObject(value) ? value.type : undefined;
  if (!isObject(value) || type !== "Feature") {
    const kind =
      kinds[String(type)] ?? (type === undefined ? "another document" : `type ${JSON.stringify(type)}`);
    throw new GlofError(
      "unsupported-format",
      `${where}: expected a STAC item, got ${kind}. Check the address.`,
    );
  }
  const { id, properties, assets, geometry = null, links = [] } = value;
  const check = (ok: boolean, member: string, kind: string): void => {
    if (!ok) throw wrongMember(where, member, kind);
  };
  check(typeof value.stac_version === "string", "stac_version", "text");
  check(typeof id === "string" && id !== "" && id.length <= 1000, "id", "text");
  check(
    value.collection === undefined || value.collection === null || typeof value.collection === "string",
    "collection",
    "text",
  );
  check(isObject(properties), "properties", "an object");
  check(geometry === null || isObject(geometry), "geometry", "a geometry");
  check(value.bbox === undefined || value.bbox === null || isNumbers(value.bbox), "bbox", "4 or 6 numbers");
  check(isObject(assets), "assets", "an object");
  for (const [key, asset] of Object.entries(assets as Json)) {
    check(isObject(asset) && typeof asset.href === "string", `assets.${key}.href`, "text");
  }
  check(Array.isArray(links) && links.every(isLink), "links", "links with rel and href");
  const { collection, bbox, ...rest } = value;
  return {
    ...rest,
    ...(typeof collection === "string" && { collection }),
    ...(isNumbers(bbox) && { bbox }),
    geometry,
    links,
  } as unknown as StacItem;
}

const isNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && (value.length === 4 || value.length === 6) && value.every(Number.isFinite);

/** Whether a value of JSON is a link. */
export const isLink = (value: unknown): value is StacLink =>
  isObject(value) && typeof value.rel === "string" && typeof value.href === "string";

function wrongMember(where: string, member: string, kind: string): GlofError {
  return new GlofError(
    "corrupt-file",
    `${where}: expected ${kind} as ${member} of a STAC item, got none. Tell the catalogue's owner.`,
    { member },
  );
}

/** A property of an item as text, the first of these names that has one. */
export function textProperty(item: StacItem, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = item.properties[name];
    if (typeof value === "string" && value !== "") return value;
  }
  return undefined;
}

/** A property of an item as a finite number, the first of these names that has one. */
export function numberProperty(item: StacItem, ...names: readonly string[]): number | undefined {
  for (const name of names) {
    const value = item.properties[name];
    if (typeof value === "number" && Number.isFinite(value)) return value;
  }
  return undefined;
}
