/** True in Node (also in its workers and under a bundler's server code), false in a browser. */
export const isNode: boolean =
  typeof process !== "undefined" &&
  typeof process.versions?.node === "string" &&
  typeof window === "undefined";

/**
 * Imports a package that only Node can load. The name is kept away from bundlers, so that a browser bundle holds none
 * of it.
 */
export function importInNode<Module>(name: string): Promise<Module> {
  return import(/* @vite-ignore */ name) as Promise<Module>;
}
