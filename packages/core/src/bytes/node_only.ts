/**
 * Node's modules, loaded at the moment of use. The name is not a literal where `import` sees it, so that bundlers for
 * browsers do not follow it.
 */
const load = (name: string): Promise<unknown> => import(/* @vite-ignore */ name);

/** Whether this process is Node (or claims to be) and not a page. */
export const inNode = (): boolean => typeof process !== "undefined" && process.versions?.node !== undefined;

export const loadFs = () => load("node:fs/promises") as Promise<typeof import("node:fs/promises")>;
export const loadUrl = () => load("node:url") as Promise<typeof import("node:url")>;
export const loadDns = () => load("node:dns/promises") as Promise<typeof import("node:dns/promises")>;
export const loadCoreNode = () => load("@glof/core/node") as Promise<typeof import("../node.js")>;
