import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { asGlofError, beginAtomicFile, removeUnfinishedFiles, writeFileAtomic } from "./atomic_file.js";
import { isGlofError } from "./errors.js";
import { sha256, sha256File } from "./hashing.js";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "glof-core-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("writeFileAtomic", () => {
  it("makes the folder and the file, and leaves no other", async () => {
    const path = join(folder, "new", "a.txt");
    await writeFileAtomic(path, "water");
    expect(await readFile(path, "utf8")).toBe("water");
    expect(await readdir(join(folder, "new"))).toEqual(["a.txt"]);
  });

  it("names the path where a folder cannot be made", async () => {
    await writeFile(join(folder, "file"), "");
    const failure = await writeFileAtomic(join(folder, "file", "a.txt"), "x").catch(
      (error: unknown) => error,
    );
    expect(isGlofError(failure, "io")).toBe(true);
    expect(String(failure)).toContain(join(folder, "file", "a.txt"));
  });
});

describe("beginAtomicFile", () => {
  it("shows nothing until commit, and keeps the old file until then", async () => {
    const path = join(folder, "b.bin");
    await writeFile(path, "old");
    const file = await beginAtomicFile(path);
    await writeFile(file.temporaryPath, "new");
    expect(await readFile(path, "utf8")).toBe("old");
    await file.commit();
    expect(await readFile(path, "utf8")).toBe("new");
    await file.abandon();
    expect(await readdir(folder)).toEqual(["b.bin"]);
  });

  it("leaves nothing after abandon, nor after an interrupt", async () => {
    const abandoned = await beginAtomicFile(join(folder, "c.bin"));
    await writeFile(abandoned.temporaryPath, "half");
    await abandoned.abandon();
    const interrupted = await beginAtomicFile(join(folder, "d.bin"));
    await writeFile(interrupted.temporaryPath, "half");
    removeUnfinishedFiles();
    expect(await readdir(folder)).toEqual([]);
  });
});

describe("asGlofError", () => {
  it.each([
    ["ENOSPC", "no-space"],
    ["EACCES", "not-writable"],
    ["EROFS", "not-writable"],
    ["ENOENT", "not-found"],
  ])("turns %s into %s", async (systemCode, glofCode) => {
    const refused = Object.assign(new Error("refused"), { code: systemCode });
    const failure = await asGlofError("x", () => Promise.reject(refused)).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: "GlofError", code: glofCode, cause: refused });
  });

  it("passes other errors on", async () => {
    const other = new Error("other");
    await expect(asGlofError("x", () => Promise.reject(other))).rejects.toBe(other);
  });
});

it("hashes bytes and files alike", async () => {
  // FIPS 180-2, appendix B.1.
  const digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  await writeFile(join(folder, "abc"), "abc");
  expect(sha256("abc")).toBe(digest);
  expect(await sha256File(join(folder, "abc"))).toBe(digest);
  await writeFile(join(folder, "large"), "a".repeat(9_000_000));
  expect(await sha256File(join(folder, "large"))).toBe(sha256("a".repeat(9_000_000)));
});

it("stops hashing when it is cancelled", async () => {
  await writeFile(join(folder, "large"), "a".repeat(9_000_000));
  const stop = new AbortController();
  const hashing = sha256File(join(folder, "large"), { signal: stop.signal });
  stop.abort();
  await expect(hashing).rejects.toMatchObject({ code: "aborted" });
});
