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
  const made = await makeFolders(folder);
  const unmark = markUnfinished(staging);
  const removeStaging = async (): Promise<void> => {
    await rm(staging, { recursive: true, force: true });
    unmark();
  };
  try {
    await asGlofError(folder, () => mkdir(staging));
  } catch (error) {
    unmark();
    await removeEmptyFolders(made);
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
      await removeEmptyFolders(made);
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

/** Makes a folder and those above it, as needed; one by one, as `recursive` of Node hides why it cannot. */
async function makeFolders(folder: string): Promise<readonly string[]> {
  const missing: string[] = [];
  for (let current = resolve(folder); !existsSync(current); current = dirname(current))
    missing.unshift(current);
  const made: string[] = [];
  try {
    for (const path of missing) {
      await asGlofError(folder, () => mkdir(path));
      made.push(path);
    }
  } catch (error) {
    await removeEmptyFolders(made);
    throw error;
  }
  return made;
}

/** Removes folders, the last first, as long as they are empty. */
async function removeEmptyFolders(folders: readonly string[]): Promise<void> {
  for (const folder of [...folders].reverse()) {
    const isGone = await rmdir(folder).then(
      () => true,
      () => false,
    );
    if (!isGone) return;
  }
}
