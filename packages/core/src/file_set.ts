import { randomBytes } from "node:crypto";
import { existsSync, lstatSync, renameSync } from "node:fs";
import { lstat, mkdir, rm, rmdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { asGlofError, fileError, markUnfinished } from "./atomic_file.js";
import { GlofError } from "./errors.js";

/** Files that belong together, made out of sight: they get their place all at once, or not at all. */
export interface FileSet {
  /** Where a file of this name is made until `commit`; other files may be kept there too, and go with `abandon`. */
  pathOf(fileName: string): string;
  /**
   * Moves every file of the set to its place, replacing an earlier one. Where one cannot be moved, none is and earlier
   * files stay. It runs in one go: no signal of the system comes between.
   *
   * @throws GlofError `not-found` when a file of the set was not made; `already-exists` when somebody else made one
   * meanwhile; `not-writable`, `no-space`, `io`
   */
  commit(): Promise<void>;
  /**
   * Removes what was made, and folders that `beginFileSet` made and that are still empty. Safe to call after `commit`,
   * where it does nothing.
   */
  abandon(): Promise<void>;
}

/**
 * Starts a set of files in a folder, which is made if absent.
 *
 * @param names names of all files of the set, without folders
 * @param options.overwrite replace earlier files of these names. Default false
 * @throws GlofError `already-exists` when there is one of them and `overwrite` is false; `not-writable`, `no-space`, `io`
 */
export async function beginFileSet(
  folder: string,
  names: readonly string[],
  options: { readonly overwrite?: boolean } = {},
): Promise<FileSet> {
  const { overwrite = false } = options;
  await refuseExisting(folder, names, overwrite);
  const staging = join(folder, `.glof-tmp-${randomBytes(6).toString("hex")}`);
  const madeFirst = await asGlofError(folder, () => mkdir(folder, { recursive: true }));
  const unmark = markUnfinished(staging);
  const removeStaging = async (): Promise<void> => {
    await rm(staging, { recursive: true, force: true });
    unmark();
  };
  const removeFolders = async (): Promise<void> => {
    if (madeFirst !== undefined) await removeEmptyFolders(resolve(folder), resolve(madeFirst));
  };
  try {
    await asGlofError(folder, () => mkdir(staging));
  } catch (error) {
    unmark();
    await removeFolders();
    throw error;
  }
  let isOpen = true;
  return {
    pathOf: (fileName) => join(staging, fileName),
    commit: async () => {
      await refuseExisting(folder, names, overwrite);
      placeAll(staging, folder, names);
      isOpen = false;
      await removeStaging();
    },
    abandon: async () => {
      if (!isOpen) return;
      isOpen = false;
      await removeStaging();
      await removeFolders();
    },
  };
}

async function refuseExisting(folder: string, names: readonly string[], overwrite: boolean): Promise<void> {
  for (const name of names) {
    const path = join(folder, name);
    const found = await lstat(path).catch(() => undefined);
    if (found === undefined || (overwrite && !found.isDirectory())) continue;
    const advice = found.isDirectory() ? "Choose another folder." : "Choose another folder, or overwrite.";
    throw new GlofError(
      "already-exists",
      `${folder}: expected no earlier result here, got ${name}${found.isDirectory() ? ", a folder" : ""}. ${advice}`,
      { path },
    );
  }
}

/** Synchronous, so that a handler of a signal runs before it or after it. */
function placeAll(staging: string, folder: string, names: readonly string[]): void {
  const undo: (() => void)[] = [];
  const move = (from: string, to: string): void => {
    renameSync(from, to);
    undo.unshift(() => renameSync(to, from));
  };
  for (const name of names) {
    const path = join(folder, name);
    try {
      // A file that is not there must not cost the earlier one its place.
      lstatSync(join(staging, name));
      if (existsSync(path)) move(path, join(staging, `${name}.earlier`));
      move(join(staging, name), path);
    } catch (error) {
      for (const step of undo) step();
      throw fileError(path, error);
    }
  }
}

/** Removes `folder` and those above it, up to `last`, as long as they are empty. */
async function removeEmptyFolders(folder: string, last: string): Promise<void> {
  for (let current = folder; current.startsWith(last); current = dirname(current)) {
    const isGone = await rmdir(current).then(
      () => true,
      () => false,
    );
    if (!isGone) return;
  }
}
