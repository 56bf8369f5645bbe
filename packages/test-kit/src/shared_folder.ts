import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const sharedRoot = fileURLToPath(new URL("../../../../shared/", import.meta.url));

/** Absolute path of a file or folder beside the project, `../shared/<path>`. */
export function sharedPath(path: string): string {
  return `${sharedRoot}${path}`;
}

/**
 * Whether `../shared/<path>` is there. Where `CI` is set its absence is an error, so that nothing is skipped silently;
 * elsewhere use it in `describe.skipIf(!hasShared("fixtures"))`, and it says on stderr what is skipped.
 */
export function hasShared(path: string): boolean {
  if (existsSync(sharedPath(path))) return true;
  if (process.env.CI) throw new Error(`../shared/${path} is absent, and CI may not skip what needs it.`);
  process.stderr.write(`skipped: ../shared/${path} is absent\n`);
  return false;
}
