import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { GlofError } from "./errors.js";

/** A file being written under a temporary name beside its final one. */
export interface AtomicFile {
  /** Write here. */
  readonly temporaryPath: string;
  /** Flushes to the disk and gives the file its final name. */
  commit(): Promise<void>;
  /** Removes what was written. Safe to call after `commit`, where it does nothing. */
  abandon(): Promise<void>;
}

/** Temporary files and folders that exist now; an interrupted process removes them. */
const unfinished = new Set<string>();

/** Marks a file or folder as half-written, for `removeUnfinishedFiles`. Call the result once it is finished or gone. */
export function markUnfinished(path: string): () => void {
  unfinished.add(path);
  return () => void unfinished.delete(path);
}

/** Starts a file that appears under `path` only when it is whole. Its folder is made if absent. */
export async function beginAtomicFile(path: string): Promise<AtomicFile> {
  const temporaryPath = join(dirname(path), `.${basename(path)}.tmp-${randomBytes(6).toString("hex")}`);
  await asGlofError(path, () => mkdir(dirname(path), { recursive: true }));
  unfinished.add(temporaryPath);
  return {
    temporaryPath,
    commit: () =>
      asGlofError(path, async () => {
        const handle = await open(temporaryPath, "r+");
        await handle.sync().finally(() => handle.close());
        await rename(temporaryPath, path);
        unfinished.delete(temporaryPath);
      }),
    abandon: async () => {
      if (!unfinished.delete(temporaryPath)) return;
      await rm(temporaryPath, { force: true });
    },
  };
}

/** Writes a whole file so that a reader sees all of it or nothing, even after a crash. */
export async function writeFileAtomic(path: string, content: string | Uint8Array): Promise<void> {
  const file = await beginAtomicFile(path);
  try {
    await asGlofError(path, async () => {
      const handle = await open(file.temporaryPath, "wx");
      await handle.writeFile(content).finally(() => handle.close());
    });
    await file.commit();
  } catch (error) {
    await file.abandon();
    throw error;
  }
}

/** Removes everything begun and not finished. For the handler of a signal, hence synchronous. */
export function removeUnfinishedFiles(): void {
  for (const path of unfinished) rmSync(path, { recursive: true, force: true });
  unfinished.clear();
}

/** Runs a file operation and turns the system's refusals into `GlofError`s that name the path. */
export async function asGlofError<T>(path: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    throw fileError(path, error);
  }
}

/** The `GlofError` for an error of `node:fs` on `path`; other errors come back as they are. */
export function fileError(path: string, error: unknown): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return new GlofError(
        "no-space",
        `${path}: the disk is full. Free some space or choose another folder.`,
        {
          path,
          cause: error,
        },
      );
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new GlofError("not-writable", `${path}: no permission. Choose a folder you may write to.`, {
        path,
        cause: error,
      });
    case "ENOENT":
      return new GlofError("not-found", `${path}: no such file or folder. Check the path.`, {
        path,
        cause: error,
      });
    case "ENOTDIR":
    case "EISDIR":
    case "EEXIST":
    case "EIO":
    case "ENAMETOOLONG":
      return new GlofError("io", `${path}: ${(error as Error).message}. Check the path.`, {
        path,
        cause: error,
      });
    default:
      return error;
  }
}
