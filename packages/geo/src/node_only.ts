/**
 * Node's own modules and `@glof/core/node`, loaded at the moment of use. The name is not a literal where `import` sees
 * it, so that bundlers for browsers do not follow it: everything else in this package then runs in a page.
 */
const load = (name: string): Promise<unknown> => import(/* @vite-ignore */ name);

/** An optional package by its name. */
export const loadModule = load;

/** Whether this process is Node (or claims to be) and not a page. */
export const inNode = (): boolean => typeof process !== "undefined" && process.versions?.node !== undefined;

export const loadFs = () => load("node:fs/promises") as Promise<typeof import("node:fs/promises")>;
export const loadZlib = () => load("node:zlib") as Promise<typeof import("node:zlib")>;
export const loadUrl = () => load("node:url") as Promise<typeof import("node:url")>;
export const loadOs = () => load("node:os") as Promise<typeof import("node:os")>;
export const loadModules = () => load("node:module") as Promise<typeof import("node:module")>;
export const loadThreads = () => load("node:worker_threads") as Promise<typeof import("node:worker_threads")>;
export const loadCoreNode = () => load("@glof/core/node") as Promise<typeof import("@glof/core/node")>;
