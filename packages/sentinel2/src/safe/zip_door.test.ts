import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type GlofErrorCode, isGlofError } from "@glof/core";
import { describe, expect, it } from "vitest";
import { openScene } from "../open_scene.js";
import type { Scene } from "../types.js";
import { type TestSafe, testSafeFiles, writeTestSafe } from "./test_safe.js";
import { testZip } from "./test_zip.js";

const filled = (size: number, from: number) => ({
  bands: [Uint16Array.from({ length: size }, (_, index) => from + index)],
});
const safe: TestSafe = {
  images: {
    "R10m/B02_10m": filled(144, 1200),
    "R20m/B11_20m": filled(36, 1300),
    "R20m/SCL_20m": { bands: [new Uint8Array(36).fill(4)], type: "uint8" },
  },
};
const { name, files } = testSafeFiles(safe);
const inFolder = (folder: string): Map<string, Uint8Array> =>
  new Map([...files].map(([path, content]) => [folder + path, content]));
const window = { x: 1, y: 2, width: 9, height: 7 };
const numbers = async (scene: Scene): Promise<number[][]> => {
  const { bandsRefl, validMask } = await scene.readReflectance(window, ["B11", "B02"]);
  return [...bandsRefl.map((refl) => [...refl]), [...validMask]];
};

async function refusal(code: GlofErrorCode, zip: Map<string, Uint8Array> | Uint8Array, options = {}) {
  const bytes = zip instanceof Map ? testZip(zip, options) : zip;
  try {
    await (await openScene(bytes.slice().buffer as ArrayBuffer, { name: "x.zip" })).close();
  } catch (error) {
    if (!isGlofError(error)) throw error;
    expect(`${error.code}: ${error.message}`).toContain(`${code}: `);
    return error.message;
  }
  return expect.unreachable("nothing was refused");
}

describe("openScene on a SAFE product in a zip", () => {
  it.each([
    ["plain, in its folder", `${name}/`, false],
    ["packed, in its folder", `${name}/`, true],
    ["without its folder", "", false],
    ["in a folder of a folder", `downloads/${name}/`, true],
  ])("reads what the folder gives: %s", async (_, root, packed) => {
    const folder = await mkdtemp(join(tmpdir(), "glof-zip-"));
    try {
      const plain = await openScene(await writeTestSafe(folder, safe));
      const path = join(folder, "product.zip");
      await writeFile(path, testZip(inFolder(root), { packed }));
      const zipped = await openScene(path);
      expect(await numbers(zipped)).toEqual(await numbers(plain));
      expect(zipped.id).toBe(plain.id);
      expect(zipped.product).toEqual(plain.product);
      expect(zipped.inputs[0]?.path).toBe(`${path}!/${root}MTD_MSIL2A.xml`);
      await Promise.all([plain.close(), zipped.close()]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("opens bytes and blobs", async () => {
    const bytes = testZip(inFolder(`${name}/`));
    for (const source of [bytes.buffer, new Blob([bytes])]) {
      const scene = await openScene(source, { bands: ["B02"] });
      expect([scene.id, scene.bands]).toEqual([name.replace(".SAFE", ""), ["B02"]]);
      await scene.close();
    }
  });

  it("names what is not a product, half of one, or several", async () => {
    const other = new Map([["readme.txt", new Uint8Array(3)]]);
    expect(await refusal("unsupported-format", other)).toContain("readme.txt");
    await refusal("unsupported-format", new Map());
    const half = new Map([...inFolder(`${name}/`)].filter(([path]) => !path.endsWith("MTD_MSIL2A.xml")));
    expect(await refusal("corrupt-file", half)).toContain("MTD_MSIL1C.xml or MTD_MSIL2A.xml");
    const twice = new Map([...inFolder("a.SAFE/"), ...inFolder("b.SAFE/")]);
    expect(await refusal("bad-argument", twice)).toContain("a.SAFE/, b.SAFE/");
  });

  it("refuses archives that mislead", async () => {
    const path = `${name}/MTD_MSIL2A.xml`;
    for (const wrong of ["../MTD_MSIL2A.xml", "/etc/MTD_MSIL2A.xml", `${name}/../../x`, `${name}\\x`]) {
      await refusal("corrupt-file", new Map([...inFolder(`${name}/`), [wrong, new Uint8Array(1)]]));
    }
    await refusal("unsupported-feature", new Map([[path, new Uint8Array(1)]]), { mode: 0o120777 });
    const bytes = testZip(inFolder(`${name}/`));
    await refusal("corrupt-file", bytes.slice(0, bytes.length - 30));
    const damaged = bytes.slice();
    const at = new TextDecoder("latin1").decode(damaged).indexOf("<n1:General_Info>");
    damaged[at + 4] = 0x58;
    expect(await refusal("corrupt-file", damaged)).toMatch(/checksum/);
    const bomb = inFolder(`${name}/`).set(path, new Uint8Array(20 * 2 ** 20));
    await refusal("limit-exceeded", bomb, { packed: true });
  });
});
