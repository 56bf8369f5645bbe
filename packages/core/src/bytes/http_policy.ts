import { GlofError } from "../errors.js";
import { inNode, loadDns } from "./node_only.js";
import { isLoopbackHost, isPrivateHost } from "./private_hosts.js";

/** Which addresses may be fetched. Only `http:` and `https:` ever are. */
export interface HttpPolicy {
  /**
   * Lets redirects and remote documents lead to this machine and its network; default false. An address that the caller
   * names directly may always be private.
   */
  readonly allowPrivateHosts?: boolean | undefined;
  /** Redirects followed for one request; default 5. */
  readonly maxRedirects?: number | undefined;
}

/**
 * Checks an address that a redirect or a remote document named.
 *
 * A private one is allowed only from the same host, or from this machine to itself: a public server must not make its
 * reader fetch from inside the reader's network. In Node the host's name is looked up too; the later request looks it
 * up again, so this is a guard against mistakes and simple attacks, not against DNS that changes between the two.
 *
 * @param from the address that named it
 * @returns the address
 * @throws GlofError `bad-argument` for another protocol or a refused host
 */
export async function requireLinkAllowed(
  link: string | URL,
  from: URL,
  { allowPrivateHosts = false }: HttpPolicy,
  where: string,
): Promise<URL> {
  const url = resolveLink(link, from, where);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw refused(
      where,
      `an http: or https: address from ${from.host}`,
      `${url.protocol} of ${shorten(url)}`,
    );
  }
  if (allowPrivateHosts || url.hostname === from.hostname) return url;
  if (isLoopbackHost(url.hostname) && isLoopbackHost(from.hostname)) return url;
  if (isPrivateHost(url.hostname) || (await leadsInside(url.hostname))) {
    throw refused(where, `a public address from ${from.host}`, `the private host ${url.hostname}`);
  }
  return url;
}

function resolveLink(link: string | URL, from: URL, where: string): URL {
  try {
    return new URL(link, from);
  } catch (cause) {
    throw new GlofError(
      "bad-argument",
      `${where}: expected an address from ${from.host}, got ${String(link).slice(0, 100)}. Tell the server's owner.`,
      { cause },
    );
  }
}

/** Whether DNS answers with a private address. A name it does not know is left to the request to fail on. */
async function leadsInside(hostname: string): Promise<boolean> {
  if (!inNode() || /^[\d.]+$|^\[/.test(hostname)) return false;
  const { lookup } = await loadDns();
  const found = await lookup(hostname, { all: true }).catch(() => []);
  return found.some(({ address }) => isPrivateHost(address));
}

const shorten = (url: URL): string => (url.href.length > 100 ? `${url.href.slice(0, 100)}…` : url.href);

function refused(where: string, expected: string, got: string): GlofError {
  return new GlofError(
    "bad-argument",
    `${where}: expected ${expected}, got ${got}. Name that address yourself, or set allowPrivateHosts for hosts of your own network.`,
  );
}
