import { GlofError } from "@glof/core";
import { requireLinkAllowed, shownAddress } from "@glof/core/bytes";
import type { SearchBody, SearchStacOptions } from "./search_options.js";
import { isLink, isObject, type StacLink } from "./stac_item.js";
import { fetchJson } from "./stac_json.js";

/** One request of a search. */
export interface PageRequest {
  readonly url: URL;
  readonly method: "GET" | "POST";
  readonly body: SearchBody;
}

/** A page of results before its items are checked. */
export interface Page {
  /** Where it came from: a server without POST has been asked by GET. */
  readonly request: PageRequest;
  readonly features: readonly unknown[];
  readonly next: StacLink | undefined;
}

/** The first request: to the address itself if it ends in `/search`, else to that below it. */
export function firstRequest(api: URL, body: SearchBody): PageRequest {
  const url = new URL(api);
  url.hash = "";
  if (!/\/search\/?$/.test(url.pathname)) url.pathname = `${url.pathname.replace(/\/+$/, "")}/search`;
  return { url, method: "POST", body };
}

/** Fetches a page. A server that knows no POST is asked by GET. */
export async function fetchPage(request: PageRequest, options: SearchStacOptions): Promise<Page> {
  const { signal, maxPageBytes: maxBytes, http, fetch } = options;
  const where = `searchStac(${shownAddress(request.url)})`;
  const transport = { ...http, ...(fetch && { fetch }) };
  const { method } = request;
  const asked = { where, signal, maxBytes };
  const json =
    method === "POST"
      ? await fetchJson(request.url, { ...asked, method, body: request.body, absent: [405, 501] }, transport)
      : await fetchJson(request.url, asked, transport);
  if (json === undefined) return fetchPage(byGet(request), options);
  if (!isObject(json) || !Array.isArray(json.features)) {
    throw new GlofError(
      "unsupported-format",
      `${where}: expected a page of STAC items, got ${isObject(json) ? `type ${String(json.type)}` : "another document"}. ` +
        "Give the address of a STAC API (its root or /search).",
    );
  }
  const links = Array.isArray(json.links) ? json.links.filter(isLink) : [];
  return { request, features: json.features, next: links.find((link) => link.rel === "next") };
}

function byGet({ url, body }: PageRequest): PageRequest {
  const address = new URL(url);
  for (const [name, value] of Object.entries(body)) {
    const plain = Array.isArray(value)
      ? value.join(",")
      : typeof value === "object"
        ? JSON.stringify(value)
        : String(value);
    address.searchParams.set(name, plain);
  }
  return { url: address, method: "GET", body: {} };
}

/**
 * The request for the page that a `next` link names. A body with `merge` is laid over the one before.
 * Source: STAC API 1.0, item search, paging.
 *
 * @throws GlofError `bad-argument` when it leads to another host: headers and searches are for the catalogue alone
 */
export async function nextRequest(
  before: PageRequest,
  link: StacLink,
  options: SearchStacOptions,
): Promise<PageRequest> {
  const where = `searchStac(${shownAddress(before.url)})`;
  const url = await requireLinkAllowed(link.href, before.url, options.http ?? {}, where);
  if (url.hostname !== before.url.hostname) {
    throw new GlofError(
      "bad-argument",
      `${where}: expected the next page from ${before.url.hostname}, got a link to ${url.hostname}. Search that address itself.`,
    );
  }
  // Catalogues behind a proxy know themselves by http:.
  if (before.url.protocol === "https:" && url.protocol === "http:") {
    url.protocol = "https:";
    if (before.url.port === "") url.port = "";
  }
  if (String(link.method ?? "GET").toUpperCase() !== "POST") return { url, method: "GET", body: {} };
  const body = isObject(link.body) ? link.body : {};
  return { url, method: "POST", body: link.merge === true ? { ...before.body, ...body } : body };
}
