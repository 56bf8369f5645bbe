import { GlofError } from "@glof/core";
import type { HttpOptions } from "@glof/core/bytes";

/** What to search for, and how. */
export interface SearchStacOptions {
  /** Collections of the catalogue: `["sentinel-2-l2a"]`. Default: all. */
  readonly collections?: readonly string[];
  /** West, south, east, north in degrees (or with heights, 6 numbers); west may be greater than east across 180°. */
  readonly bbox?: readonly number[];
  /** GeoJSON geometry in longitude and latitude; instead of `bbox`. */
  readonly intersects?: Readonly<Record<string, unknown>>;
  /** RFC 3339: one time, or an interval `2024-06-01T00:00:00Z/2024-09-30T23:59:59Z`, open by `..`; a pair is an interval. */
  readonly datetime?: string | readonly [from: Date | string | undefined, to: Date | string | undefined];
  /** Greatest `eo:cloud_cover` in percent; items that state none are kept. */
  readonly maxCloudCover?: number;
  /**
   * How the server is asked for that: its `query` extension (default), `cql2-json` (`filter` extension), or not at all.
   * What it lets through is looked at again here.
   */
  readonly cloudFilter?: "query" | "cql2-json" | "none";
  /** Most items in all. Default: all that there are. */
  readonly limit?: number;
  /** Items asked for at once; default 100. */
  readonly pageSize?: number;
  /** Most pages fetched before `limit-exceeded`; default 1000. */
  readonly maxPages?: number;
  /** Most bytes of a page; default 64 MiB. */
  readonly maxPageBytes?: number;
  readonly signal?: AbortSignal;
  /** Time limit, repetitions, headers, private hosts. */
  readonly http?: HttpOptions;
  /** Replaces the global `fetch`. */
  readonly fetch?: typeof fetch;
}

/** The body of a search, as a server takes it. */
export type SearchBody = Readonly<Record<string, unknown>>;

/**
 * Checks a search and makes the body of its first request.
 *
 * @throws GlofError `bad-argument`
 */
export function searchBody(options: SearchStacOptions): SearchBody {
  const {
    collections,
    bbox,
    intersects,
    maxCloudCover,
    cloudFilter = "query",
    limit,
    pageSize = 100,
  } = options;
  if (bbox && intersects) throw misuse("a bbox or intersects", "both");
  if (bbox) requireBbox(bbox);
  requireCount("limit", limit);
  requireCount("pageSize", pageSize);
  requireCount("maxPages", options.maxPages);
  if (maxCloudCover !== undefined && !(maxCloudCover >= 0 && maxCloudCover <= 100)) {
    throw misuse("maxCloudCover from 0 to 100 percent", String(maxCloudCover));
  }
  const datetime = datetimeText(options.datetime);
  const clouds = maxCloudCover !== undefined ? cloudMembers(maxCloudCover, cloudFilter) : {};
  return {
    ...(collections && { collections }),
    ...(bbox && { bbox }),
    ...(intersects && { intersects }),
    ...(datetime !== undefined && { datetime }),
    ...clouds,
    limit: Math.min(pageSize, limit ?? pageSize),
  };
}

function cloudMembers(most: number, filter: "query" | "cql2-json" | "none"): SearchBody {
  if (filter === "query") return { query: { "eo:cloud_cover": { lte: most } } };
  if (filter === "none") return {};
  return {
    "filter-lang": "cql2-json",
    filter: { op: "<=", args: [{ property: "eo:cloud_cover" }, most] },
  };
}

function datetimeText(datetime: SearchStacOptions["datetime"]): string | undefined {
  if (datetime === undefined) return undefined;
  const parts = typeof datetime === "string" ? datetime.split("/") : datetime.map(timeText);
  const isOpen = (part: string): boolean => part === "" || part === "..";
  const sound =
    parts.length <= 2 && parts.every((part) => isOpen(part) || isTime(part)) && !parts.every(isOpen);
  const [from, to] = parts as [string, string?];
  const ordered = to === undefined || isOpen(from) || isOpen(to) || Date.parse(from) <= Date.parse(to);
  if (!sound || !ordered) throw misuse("a time or an interval of RFC 3339", parts.join("/").slice(0, 100));
  return parts.join("/");
}

const isTime = (text: string): boolean =>
  /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2}))?$/i.test(text) &&
  !Number.isNaN(Date.parse(text));

function timeText(time: Date | string | undefined): string {
  if (time === undefined) return "..";
  if (typeof time === "string") return time;
  return Number.isNaN(time.getTime()) ? "no date" : time.toISOString();
}

function requireBbox(bbox: readonly number[]): void {
  const [west, south, east, north] = bbox.length === 6 ? [bbox[0]!, bbox[1]!, bbox[3]!, bbox[4]!] : bbox;
  const inside = (value: number | undefined, most: number): boolean =>
    value !== undefined && Math.abs(value) <= most;
  const sound =
    (bbox.length === 4 || bbox.length === 6) &&
    inside(west, 180) &&
    inside(east, 180) &&
    inside(south, 90) &&
    inside(north, 90) &&
    south! <= north!;
  if (!sound) throw misuse("a bbox of west, south, east, north in degrees", bbox.join(", ").slice(0, 100));
}

function requireCount(name: string, value: number | undefined): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= 1)) return;
  throw misuse(`${name} of at least 1`, String(value));
}

const misuse = (expected: string, got: string): GlofError =>
  new GlofError("bad-argument", `searchStac: expected ${expected}, got ${got}. Correct the search.`);
