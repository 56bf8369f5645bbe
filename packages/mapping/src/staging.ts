import { randomBytes } from "node:crypto";
import { access, mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { GlofError } from "@glof/core";
import { asGlofError, markUnfinished } from "@glof/core/node";

/** A folder inside the output folder where products are made; they get their place all together, or not at all. */
export interface StagingFolder {
  /** Where a product of this name is written. */
  pathOf(fileName: string): string;
  /** Moves every staged product into the output folder. */
  commit(): Promise<void>;
  /** Removes the staging folder with whatever is in it. Safe to call after `commit`. */
  abandon(): Promise<void>;
}

/**
 * Prepares an output folder.
 *
 * @param products names that will be committed; with `overwrite` false none of them may exist
 * @throws GlofError `already-exists`, `not-writable`, `no-space`, `io`
 */
export async function beginStaging(
  outDir: string,
  products: readonly string[],
  options: { overwrite?: boolean } = {},
): Promise<StagingFolder> {
  const { overwrite = false } = options;
  if (!overwrite) await refuseExisting(outDir, products);
  const folder = join(outDir, `.glof-tmp-${randomBytes(6).toString("hex")}`);
  await asGlofError(outDir, () => mkdir(folder, { recursive: true }));
  const unmark = markUnfinished(folder);
  const abandon = async () => {
    await rm(folder, { recursive: true, force: true });
    unmark();
  };
  return {
    pathOf: (fileName) => join(folder, fileName),
    commit: async () => {
      await asGlofError(outDir, async () => {
        for (const name of await readdir(folder)) {
          if (products.includes(name)) await rename(join(folder, name), join(outDir, name));
        }
      });
      await abandon();
    },
    abandon,
  };
}

async function refuseExisting(outDir: string, products: readonly string[]): Promise<void> {
  for (const name of products) {
    const path = join(outDir, name);
    const exists = await access(path).then(
      () => true,
      () => false,
    );
    if (exists) {
      throw new GlofError(
        "already-exists",
        `mapScene: expected ${outDir} to hold no earlier result, got ${name}. Choose another folder, or overwrite.`,
        { path },
      );
    }
  }
}
