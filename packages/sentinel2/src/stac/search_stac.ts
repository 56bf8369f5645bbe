import { GlofError, throwIfAborted } from "@glof/core";
import { requireLinkAllowed, shownAddress } from "@glof/core/bytes";
import { type SearchStacOptions, searchBody } from "./search_options.js";
import { fetchPage, firstRequest, nextRequest, type PageRequest } from "./search_pages.js";
import { numberProperty, parseStacItem, type StacItem } from "./stac_item.js";

/**
 * Searches a STAC API (`POST /search`; `GET` where a server has no other) and gives the items as they come, page after
 * page, each once. Failures that may pass are tried again; see `HttpOptions`.
 *
 * @param url the root of the API, such as `https://earth-search.aws.element84.com/v1`, or its `/search`
 * @throws GlofError `bad-argument` for a search that cannot be, and a page that leads to another host; `network` (also for
 *   pages that repeat without end); `unsupported-format` for an address that is no API; `corrupt-file` for an item that is
 *   none; `limit-exceeded` for a page or a number of pages beyond the limits; `aborted`
 */
export async function* searchStac(
  url: string | URL,
  options: SearchStacOptions = {},
): AsyncGenerator<StacItem, void, undefined> {
  const { limit = Number.POSITIVE_INFINITY, maxPages = 1000, signal } = options;
  let request: PageRequest | undefined = firstRequest(apiAddress(url), searchBody(options));
  const asked = new Set<string>();
  const given = new Set<string>();
  while (request) {
    throwIfAborted(signal, "searchStac");
    requireNewPage(request, asked, maxPages);
    const page = await fetchPage(request, options);
    for (const feature of page.features) {
      const item = await checkItem(feature, page.request, options);
      const key = `${item.collection ?? ""}/${item.id}`;
      if (given.has(key) || isTooCloudy(item, options.maxCloudCover)) continue;
      given.add(key);
      yield item;
      if (given.size >= limit) return;
    }
    request = page.next && (await nextRequest(page.request, page.next, options));
  }
}

function apiAddress(url: string | URL): URL {
  try {
    return new URL(url);
  } catch (cause) {
    throw new GlofError(
      "bad-argument",
      `searchStac: expected the address of a STAC API, got ${String(url)}. Check it.`,
      {
        cause,
      },
    );
  }
}

/** Remembers a request; one that comes again would bring the same page for ever. */
function requireNewPage({ url, method, body }: PageRequest, asked: Set<string>, maxPages: number): void {
  const key = `${method} ${url.href} ${JSON.stringify(body)}`;
  const where = `searchStac(${shownAddress(url)})`;
  if (asked.has(key)) {
    throw new GlofError(
      "network",
      `${where}: expected a new page, got a link to one that was fetched before (${asked.size} pages). ` +
        "Give a limit, or tell the catalogue's owner.",
    );
  }
  if (asked.size >= maxPages) {
    throw new GlofError(
      "limit-exceeded",
      `${where}: expected at most ${maxPages} pages, got a link to more. Narrow the search, give a limit or raise maxPages.`,
    );
  }
  asked.add(key);
}

/**
 * Gives an item a web address: its own, which may not lead inside, else that of its page. Its files are found against it
 * and held to the rules for links.
 */
async function checkItem(
  feature: unknown,
  { url }: PageRequest,
  { http = {} }: SearchStacOptions,
): Promise<StacItem> {
  const where = `searchStac(${shownAddress(url)})`;
  const item = parseStacItem(feature, where);
  const self = item.links.find(
    ({ rel, href }) => rel === "self" && !/^(?!https?:)[a-z][a-z\d+.-]*:/i.test(href),
  );
  const { href } = self ? await requireLinkAllowed(self.href, url, http, where) : url;
  const others = item.links.filter(({ rel }) => rel !== "self");
  return { ...item, links: [{ ...self, rel: "self", href }, ...others] };
}

const isTooCloudy = (item: StacItem, most = Number.POSITIVE_INFINITY): boolean =>
  (numberProperty(item, "eo:cloud_cover") ?? 0) > most;
