import { GlofError } from "@glof/core";

/** The optional peer that the engine `ort` comes from. */
export const ortPackageName = "onnxruntime-node";

/** Where `onnxruntime-node` is. */
export interface OrtPackage {
  /** Of its entry file. */
  readonly path: string;
  readonly version: string;
}

/** Looks for the package from here, then from the folder that the program runs in; `undefined` where there is none. */
export async function findOrtPackage(): Promise<OrtPackage | undefined> {
  if (typeof process === "undefined" || process.versions?.node === undefined) return undefined;
  const { createRequire } = await import("node:module");
  const { join } = await import("node:path");
  for (const from of [import.meta.url, join(process.cwd(), "package.json")]) {
    const require = createRequire(from);
    try {
      const path = require.resolve(ortPackageName);
      const { version } = require(`${ortPackageName}/package.json`) as { readonly version: string };
      return { path, version };
    } catch {
      // Not reachable from here: the next place may see it.
    }
  }
  return undefined;
}

/** @throws GlofError `backend-unavailable` where the package is not installed */
export async function requireOrtPackage(): Promise<OrtPackage> {
  const found = await findOrtPackage();
  if (found !== undefined) return found;
  throw new GlofError(
    "backend-unavailable",
    `engine "ort": expected the package ${ortPackageName}, got none. ` +
      `Install it (npm install ${ortPackageName}), or use the engine "tfjs".`,
  );
}
