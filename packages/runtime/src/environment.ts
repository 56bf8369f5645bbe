/** True in Node and what stands in for it, false in a browser and in Electron's pages. */
export const isNode: boolean =
  typeof process !== "undefined" &&
  typeof process.versions?.node === "string" &&
  (process as { type?: string }).type !== "renderer";

/**
 * Imports a package or builtin that only Node can load. The name is kept away from bundlers, so that a browser bundle
 * holds none of it.
 */
export function importInNode<Module>(name: string): Promise<Module> {
  return import(/* @vite-ignore */ name) as Promise<Module>;
}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  // TensorFlow.js rejects with a plain `{ message }` when its .wasm file cannot be read.
  if (typeof error === "object" && error !== null && "message" in error) return String(error.message);
  return String(error);
}
