import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliDecompress } from "node:zlib";

const inflate = promisify(brotliDecompress);
const require = createRequire(import.meta.url);
const cacheRoot = fileURLToPath(new URL("../../../node_modules/.cache/glof-test/", import.meta.url));

/** Folder of `@sparticuz/chromium` that holds its compressed binaries, and its version. */
export async function chromiumPackage(): Promise<{ binFolder: string; version: string }> {
  // The package does not export its package.json; its entry lies in build/cjs.
  const root = join(dirname(require.resolve("@sparticuz/chromium")), "..", "..");
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
  return { binFolder: join(root, "bin"), version };
}

/**
 * Unpacks `.br` and `.tar.br` files of `@sparticuz/chromium` into one folder in the cache of node_modules, once per
 * version.
 *
 * Several test processes may ask at once: each unpacks beside the goal and the first rename wins.
 *
 * @param name of the folder
 * @param fileNames files in the package's bin folder, such as `"swiftshader.tar.br"`
 * @returns folder with the unpacked files
 */
export async function unpackOnce(name: string, fileNames: readonly string[]): Promise<string> {
  const { binFolder, version } = await chromiumPackage();
  const goal = join(cacheRoot, `${name}-${version}`);
  if (existsSync(goal)) return goal;
  await mkdir(cacheRoot, { recursive: true });
  const beside = await mkdtemp(`${goal}.tmp-`);
  await Promise.all(fileNames.map((fileName) => unpack(join(binFolder, fileName), beside)));
  await rename(beside, goal).catch(async (error: unknown) => {
    await rm(beside, { recursive: true, force: true });
    if (!existsSync(goal)) throw error;
  });
  return goal;
}

async function unpack(archive: string, folder: string): Promise<void> {
  const content = await inflate(await readFile(archive));
  if (archive.endsWith(".tar.br")) await untar(content, folder);
  else await writeFile(join(folder, basename(archive, ".br")), content, { mode: 0o755 });
}

/** Writes the files of a ustar archive; enough for short plain names, which is what the package holds. */
async function untar(archive: Buffer, folder: string): Promise<void> {
  const text = (from: number, length: number): string =>
    archive.toString("latin1", from, from + length).replace(/\0.*$/s, "");
  for (let at = 0; at + 512 <= archive.length; ) {
    const name = text(at, 100);
    if (name === "") return;
    const size = Number.parseInt(text(at + 124, 12), 8);
    const path = join(folder, name);
    if (text(at + 156, 1) === "5") await mkdir(path, { recursive: true });
    else {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, archive.subarray(at + 512, at + 512 + size), { mode: 0o755 });
    }
    at += 512 + Math.ceil(size / 512) * 512;
  }
}
