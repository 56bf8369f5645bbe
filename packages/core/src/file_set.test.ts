import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { removeUnfinishedFiles } from "./atomic_file.js";
import { isGlofError } from "./errors.js";
import { beginFileSet } from "./file_set.js";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "glof-set-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const names = ["a.txt", "b.txt"];
const text = (name: string) => readFile(join(folder, name), "utf8");
const refused = (promise: Promise<unknown>, code: Parameters<typeof isGlofError>[1]) =>
  expect(promise).rejects.toSatisfy((error) => isGlofError(error, code));

describe("beginFileSet", () => {
  it("shows nothing until commit, then all files and nothing else", async () => {
    const out = join(folder, "new", "deep");
    const set = await beginFileSet(out, names);
    for (const name of [...names, "scratch"]) await writeFile(set.pathOf(name), name);
    expect((await readdir(out)).filter((name) => !name.startsWith("."))).toEqual([]);
    await set.commit();
    await set.abandon();
    expect((await readdir(out)).sort()).toEqual(names);
  });

  it("removes what it made when abandoned, folders too, and nothing else", async () => {
    const set = await beginFileSet(join(folder, "new", "deep"), names);
    await writeFile(set.pathOf("a.txt"), "half");
    await set.abandon();
    expect(await readdir(folder)).toEqual([]);
    await writeFile(join(folder, "other.txt"), "keep");
    await (await beginFileSet(folder, names)).abandon();
    expect(await readdir(folder)).toEqual(["other.txt"]);
  });

  it("replaces earlier files only when told to", async () => {
    await writeFile(join(folder, "b.txt"), "earlier");
    await refused(beginFileSet(folder, names), "already-exists");
    const set = await beginFileSet(folder, names, { overwrite: true });
    for (const name of names) await writeFile(set.pathOf(name), "new");
    expect(await text("b.txt")).toBe("earlier");
    await set.commit();
    expect([await text("a.txt"), await text("b.txt")]).toEqual(["new", "new"]);
    expect((await readdir(folder)).sort()).toEqual(names);
  });

  it("puts everything back where one file is missing", async () => {
    for (const name of names) await writeFile(join(folder, name), "earlier");
    const set = await beginFileSet(folder, names, { overwrite: true });
    await writeFile(set.pathOf("a.txt"), "new");
    await refused(set.commit(), "not-found");
    await set.abandon();
    expect([await text("a.txt"), await text("b.txt")]).toEqual(["earlier", "earlier"]);
    expect((await readdir(folder)).sort()).toEqual(names);
  });

  it("never takes the place of a folder, nor of what came meanwhile", async () => {
    await mkdir(join(folder, "a.txt"));
    await refused(beginFileSet(folder, names, { overwrite: true }), "already-exists");
    await rm(join(folder, "a.txt"), { recursive: true });
    const set = await beginFileSet(folder, names);
    for (const name of names) await writeFile(set.pathOf(name), "mine");
    await writeFile(join(folder, "b.txt"), "theirs");
    await refused(set.commit(), "already-exists");
    await set.abandon();
    expect(await readdir(folder)).toEqual(["b.txt"]);
  });

  it("leaves nothing staged after an interrupt", async () => {
    const set = await beginFileSet(folder, names);
    await writeFile(set.pathOf("a.txt"), "half");
    removeUnfinishedFiles();
    expect(await readdir(folder)).toEqual([]);
  });

  it("names the folder that cannot be made", async () => {
    await writeFile(join(folder, "file"), "");
    const failure = await beginFileSet(join(folder, "file", "out"), names).catch((error: unknown) => error);
    expect(isGlofError(failure, "io")).toBe(true);
    expect(String(failure)).toContain(join(folder, "file", "out"));
  });
});
