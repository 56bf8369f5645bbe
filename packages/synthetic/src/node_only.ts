/**
 * `@glof/core/node`, loaded at the moment of use by a name that bundlers for browsers do not follow:
 * generating runs in a page, writing needs Node.
 */
export const loadCoreNode = (): Promise<typeof import("@glof/core/node")> => {
  const name = "@glof/core/node";
  return import(/* @vite-ignore */ name) as Promise<typeof import("@glof/core/node")>;
};
