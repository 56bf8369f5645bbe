import { GlofError } from "../errors.js";
import type { HttpJob } from "./http_job.js";
import type { HttpOptions } from "./http_options.js";
import { requireLinkAllowed } from "./http_policy.js";
import { inNode } from "./node_only.js";

const redirects = new Set([301, 302, 303, 307, 308]);

type Sent = Pick<HttpJob<unknown>, "method" | "headers" | "body" | "where" | "wanted">;

/**
 * Sends a request and follows its redirects one by one, each checked against the policy before it is followed. Pages
 * cannot look at a redirect: the browser follows it, and where it led is checked then.
 */
export async function sendFollowing(
  start: URL,
  sent: Sent,
  options: HttpOptions,
  signal: AbortSignal,
): Promise<Response> {
  const send = options.fetch ?? fetch;
  const most = options.maxRedirects ?? 5;
  let url = start;
  let { method = "GET", body } = sent;
  for (let followed = 0; ; followed++) {
    const own = url.origin === start.origin ? options.headers : undefined;
    const response = await send(url, {
      method,
      headers: { ...own, ...sent.headers },
      ...(body !== undefined && { body }),
      redirect: inNode() ? "manual" : "follow",
      signal,
    });
    if (response.redirected) await requireLinkAllowed(response.url, start, options, sent.where);
    if (!redirects.has(response.status)) return response;
    const location = response.headers.get("location");
    if (location === null || followed >= most) throw lost(sent, location === null ? "one to nowhere" : most);
    url = await requireLinkAllowed(location, url, options, sent.where);
    // Browsers turn a form that was sent into a page that is fetched; 307 and 308 keep the method. RFC 9110, 15.4.
    if (method === "POST" && response.status < 304) {
      method = "GET";
      body = undefined;
    }
  }
}

function lost({ where, wanted }: Sent, got: string | number): GlofError {
  const what = typeof got === "number" ? `more than ${got} redirects` : `a redirect, ${got}`;
  return new GlofError("network", `${where}: expected ${wanted}, got ${what}. Check the address.`);
}
