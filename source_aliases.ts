import { fileURLToPath } from "node:url";

const packages = fileURLToPath(new URL("./packages/", import.meta.url));

/** Vite's aliases to the sources of the packages: no build is needed between an edit and a test or a page. */
export const sourceAliases = [
  { find: /^@glof\/([^/]+)$/, replacement: `${packages}$1/src/index.ts` },
  { find: /^@glof\/([^/]+)\/(node|browser|bytes)$/, replacement: `${packages}$1/src/$2.ts` },
];
