import { stat } from "node:fs/promises";
import { GlofError } from "@glof/core";

/**
 * Refuses to replace files.
 *
 * @param where the command, for the message
 * @param flag what allows it
 * @throws GlofError `already-exists`
 */
export async function requireAbsent(
  where: string,
  paths: readonly (string | undefined)[],
  flag = "--force",
): Promise<void> {
  for (const path of paths) {
    const isThere = path !== undefined && (await stat(path).then(Boolean, () => false));
    if (!isThere) continue;
    throw new GlofError(
      "already-exists",
      `${where}: expected no file ${path} yet, got one. Pass ${flag} to replace it, or choose another name.`,
      { path },
    );
  }
}
