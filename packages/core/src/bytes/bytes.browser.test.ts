import { describe, expect, it } from "vitest";
import { bufferSource, crc32, openBytes, openZip } from "../bytes.js";

/** A zip of one deflated file, made by the page itself. */
async function zipOfOne(path: string, content: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const packing = new Blob([content]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const packed = new Uint8Array(await new Response(packing).arrayBuffer());
  const name = new TextEncoder().encode(path);
  const bytes = new Uint8Array(30 + name.length + packed.length + 46 + name.length + 22);
  const view = new DataView(bytes.buffer);
  const directory = 30 + name.length + packed.length;
  view.setUint32(0, 0x04034b50, true);
  view.setUint16(8, 8, true);
  view.setUint16(26, name.length, true);
  bytes.set(name, 30);
  bytes.set(packed, 30 + name.length);
  view.setUint32(directory, 0x02014b50, true);
  view.setUint16(directory + 10, 8, true);
  view.setUint32(directory + 16, crc32(content), true);
  view.setUint32(directory + 20, packed.length, true);
  view.setUint32(directory + 24, content.length, true);
  view.setUint16(directory + 28, name.length, true);
  bytes.set(name, directory + 46);
  const end = directory + 46 + name.length;
  view.setUint32(end, 0x06054b50, true);
  view.setUint16(end + 10, 1, true);
  view.setUint32(end + 12, 46 + name.length, true);
  view.setUint32(end + 16, directory, true);
  return bytes;
}

describe("in a page", () => {
  it("zip entries are unpacked and checked", async () => {
    const content = Uint8Array.from({ length: 200_000 }, (_, at) => at >>> 5);
    const zip = await openZip(bufferSource("x.zip", await zipOfOne("a", content)));
    expect(await zip.read(zip.entry("a"))).toEqual(content);
  });

  it("Blobs and addresses of Blobs are read, other protocols and paths outside are not", async () => {
    const blob = new Blob([Uint8Array.of(1, 2, 3)]);
    const address = URL.createObjectURL(blob);
    for (const source of [blob, address]) {
      expect(await (await openBytes(source)).read(1, 2)).toEqual(Uint8Array.of(2, 3));
    }
    await expect(openBytes("file:///etc/passwd")).rejects.toMatchObject({ code: "bad-argument" });
    await expect(openBytes(new URL("file:///etc/passwd"))).rejects.toMatchObject({ code: "bad-argument" });
    URL.revokeObjectURL(address);
    await expect(openBytes(address)).rejects.toMatchObject({ code: "not-found" });
  });
});
