import { describe, expect, it } from "vitest";
import { isGlofError } from "../../errors.js";
import { seededRng } from "../../random.js";
import { crc32, crc32InScript } from "../crc32.js";
import { bufferSource } from "../memory_sources.js";
import { type OpenZipOptions, openZip } from "./open_zip.js";
import { type TestFile, testZip, utf8 } from "./test_zip.js";

const open = (bytes: Uint8Array, options?: OpenZipOptions) => openZip(bufferSource("x.zip", bytes), options);
const noise = Uint8Array.from({ length: 300_000 }, (_, at) => (at * at) >>> 7);
const sound: readonly TestFile[] = [
  { path: "S2.SAFE/", content: utf8("") },
  { path: "S2.SAFE/MTD.xml", content: utf8("<a/>"), deflate: true },
  { path: "S2.SAFE/B02.jp2", content: noise, mode: 0o100644 },
  { path: "S2.SAFE/B03.jp2", content: noise, deflate: true },
  { path: "S2.SAFE/größe", content: utf8("ü") },
];

describe("crc32", () => {
  it("has the known value, in pieces too, with and without Node", () => {
    expect(crc32(utf8("123456789"))).toBe(0xcbf43926);
    expect(crc32InScript(utf8("123456789"))).toBe(0xcbf43926);
    expect(crc32InScript(noise.subarray(1001), crc32InScript(noise.subarray(0, 1001)))).toBe(crc32(noise));
  });
});

describe("openZip", () => {
  it("lists and reads stored and deflated entries", async () => {
    const zip = await open(testZip(sound, { comment: "made by hand" }));
    expect([...zip.entries.keys()]).toEqual(sound.map(({ path }) => path));
    for (const { path, content } of sound.slice(1)) {
      expect(Buffer.compare(await zip.read(zip.entry(path)), content)).toBe(0);
    }
    expect(zip.entry("S2.SAFE/").isFolder).toBe(true);
    expect(() => zip.entry("nope")).toThrow(/expected "nope" in the zip/);
  });

  it("opens entries for random access", async () => {
    const zip = await open(testZip(sound));
    for (const name of ["S2.SAFE/B02.jp2", "S2.SAFE/B03.jp2"]) {
      const source = await zip.open(zip.entry(name));
      expect(source.size).toBe(noise.length);
      expect(source.name).toBe(`x.zip/${name}`);
      expect(await source.read(12_345, 678)).toEqual(noise.slice(12_345, 13_023));
      await expect(source.read(noise.length - 1, 2)).rejects.toMatchObject({ code: "corrupt-file" });
    }
  });

  it.each<[string, readonly TestFile[], string]>([
    ["a path to a parent", [{ path: "a/../../b", content: noise }], "corrupt-file"],
    ["an absolute path", [{ path: "/etc/x", content: noise }], "corrupt-file"],
    ["a drive", [{ path: "C:x", content: noise }], "corrupt-file"],
    ["a backslash", [{ path: "a\\..\\b", content: noise }], "corrupt-file"],
    ["a zero byte", [{ path: "a\0.jp2", content: noise }], "corrupt-file"],
    ["an empty path", [{ path: "", content: noise }], "corrupt-file"],
    ["a symbolic link", [{ path: "a", content: utf8("/etc/passwd"), mode: 0o120777 }], "unsupported-feature"],
    ["a device", [{ path: "a", content: utf8(""), mode: 0o060644 }], "unsupported-feature"],
    ["an encrypted file", [{ path: "a", content: noise, flags: 1 }], "unsupported-feature"],
    ["another method", [{ path: "a", content: noise, method: 12 }], "unsupported-feature"],
    ["two of one name", [0, 1].map(() => ({ path: "a", content: noise })), "corrupt-file"],
    [
      "a file and a folder of one name",
      ["a", "a/"].map((path) => ({ path, content: utf8("") })),
      "corrupt-file",
    ],
    [
      "overlapping files",
      [
        { path: "a", content: noise },
        { path: "b", content: noise, claimedOffset: 10 },
      ],
      "corrupt-file",
    ],
    ["a false size", [{ path: "a", content: noise, claimedSize: 9 }], "corrupt-file"],
  ])("refuses %s", async (_, files, code) => {
    await expect(open(testZip(files))).rejects.toMatchObject({ name: "GlofError", code });
  });

  it.each<[string, TestFile, string]>([
    ["a wrong checksum", { path: "a", content: noise, claimedCrc: 1 }, "corrupt-file"],
    ["a checksum of zero", { path: "a", content: noise, claimedCrc: 0 }, "corrupt-file"],
    ["a header of another name", { path: "a", content: noise, localPath: "b" }, "corrupt-file"],
    [
      "more bytes than declared",
      { path: "a", content: noise, deflate: true, claimedSize: 99 },
      "corrupt-file",
    ],
    [
      "fewer bytes than declared",
      { path: "a", content: utf8("a"), deflate: true, claimedSize: 99 },
      "corrupt-file",
    ],
    ["data that is not deflated", { path: "a", content: noise, method: 8 }, "corrupt-file"],
    ["a bomb", { path: "a", content: new Uint8Array(4 << 20), deflate: true }, "limit-exceeded"],
    [
      "an absurd size",
      { path: "a", content: utf8("a"), deflate: true, claimedSize: 0xfffffff0 },
      "limit-exceeded",
    ],
  ])("refuses to read %s", async (_, file, code) => {
    const zip = await open(testZip([file]));
    await expect(zip.read(zip.entry("a"))).rejects.toMatchObject({ name: "GlofError", code });
  });

  it("has limits that the caller sets", async () => {
    const zeros = testZip([{ path: "a", content: new Uint8Array(4 << 20), deflate: true }]);
    const zip = await open(zeros, { maxRatio: 2000 });
    expect((await zip.read(zip.entry("a"))).length).toBe(4 << 20);
    await expect(zip.read(zip.entry("a"), { maxBytes: 1000 })).rejects.toMatchObject({
      code: "limit-exceeded",
    });
    await expect(open(testZip(sound), { maxEntries: 2 })).rejects.toMatchObject({ code: "limit-exceeded" });
    const unsummed = await open(testZip([{ path: "a", content: noise, claimedCrc: 0 }]), {
      zeroCrcIsNone: true,
    });
    expect(Buffer.compare(await unsummed.read(unsummed.entry("a")), noise)).toBe(0);
  });

  it("refuses split and empty archives", async () => {
    await expect(open(testZip(sound, { disk: 2 }))).rejects.toMatchObject({ code: "unsupported-feature" });
    await expect(open(new Uint8Array(0))).rejects.toMatchObject({ code: "corrupt-file" });
    expect((await open(testZip([]))).entries.size).toBe(0);
  });

  it("stops when cancelled", async () => {
    const zip = await open(testZip(sound));
    const signal = AbortSignal.abort();
    await expect(zip.read(zip.entry("S2.SAFE/B03.jp2"), { signal })).rejects.toMatchObject({
      code: "aborted",
    });
  });

  it("ends in a GlofError or the true bytes, whatever is damaged", async () => {
    const small = testZip(sound.map((file) => ({ ...file, content: file.content.slice(0, 50) })));
    const rng = seededRng("damage");
    for (let round = 0; round < 500; round++) {
      const bytes = small.slice(0, round % 3 === 0 ? rng.int(small.length) : small.length);
      for (let flips = 0; flips < 2 && bytes.length > 0; flips++) bytes[rng.int(bytes.length)] = rng.int(256);
      try {
        const zip = await open(bytes);
        for (const entry of zip.entries.values()) if (!entry.isFolder) await zip.read(entry);
      } catch (error) {
        if (!isGlofError(error)) throw error;
      }
    }
  });
});
