import { GlofError } from "@glof/core";
import type { HttpOptions } from "@glof/core/bytes";
import { isObject } from "./stac_item.js";
import { fetchJson } from "./stac_json.js";

/** Options of `planetaryComputerSigner`. */
export interface PlanetaryComputerOptions {
  /** Default: `https://planetarycomputer.microsoft.com/api/sas/v1/token`. */
  readonly tokenAddress?: string;
  /** Time limit, repetitions, and headers such as `Ocp-Apim-Subscription-Key`. */
  readonly http?: HttpOptions;
  readonly signal?: AbortSignal;
}

/** A token that has less time left is fetched anew. */
const leastLeftMs = 60_000;

/**
 * The signer (`OpenSceneOptions.sign`) for assets of Microsoft's Planetary Computer: files of Azure's blob storage get a
 * token that is fetched once per container and again before it ends. Other and signed addresses pass through.
 *
 * A token lasts about 45 minutes; a scene that is to be read for longer has to be opened again.
 *
 * Source: Planetary Computer, "Data authentication" (`/api/sas/v1/token/{account}/{container}`).
 * @throws GlofError `network`, `unsupported-format` for an answer without a token
 */
export function planetaryComputerSigner({
  tokenAddress = "https://planetarycomputer.microsoft.com/api/sas/v1/token",
  http,
  signal,
}: PlanetaryComputerOptions = {}): (href: string) => Promise<string> {
  const tokens = new Map<string, Promise<Token>>();
  const fetchToken = async (container: string): Promise<Token> =>
    readToken(await fetchJson(new URL(`${tokenAddress}/${container}`), { signal }, http), container);
  const tokenOf = async (container: string): Promise<string> => {
    const running = tokens.get(container);
    const held = running && (await running);
    if (held && held.expiresMs - Date.now() > leastLeftMs) return held.token;
    const asked = fetchToken(container);
    tokens.set(container, asked);
    asked.catch(() => tokens.delete(container));
    return (await asked).token;
  };
  return async (href) => {
    const container = containerOf(href);
    if (container === undefined) return href;
    return `${href}${href.includes("?") ? "&" : "?"}${await tokenOf(container)}`;
  };
}

interface Token {
  readonly token: string;
  readonly expiresMs: number;
}

/** `account/container` of an unsigned file in blob storage. */
function containerOf(href: string): string | undefined {
  const { hostname, pathname, searchParams } = new URL(href);
  const account = /^([a-z0-9]+)\.blob\.core\.windows\.net$/.exec(hostname)?.[1];
  const container = pathname.split("/")[1];
  return account && container && !searchParams.has("sig") ? `${account}/${container}` : undefined;
}

function readToken(answer: unknown, container: string): Token {
  if (isObject(answer) && typeof answer.token === "string") {
    const expiresMs = Date.parse(String(answer["msft:expiry"]));
    // Without a date it is used for these files and not kept for later ones.
    return { token: answer.token, expiresMs: Number.isNaN(expiresMs) ? 0 : expiresMs };
  }
  throw new GlofError(
    "unsupported-format",
    `planetaryComputerSigner(${container}): expected a token, got another answer. Check the token address.`,
  );
}
