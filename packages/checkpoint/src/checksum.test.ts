import { describe, expect, it } from "vitest";
import { openCheckpoint, serializeTorch } from "./index.js";

const values = Float32Array.of(1.5, -2, 3.25, 4);

/** A file of torch.save's kind with one tensor, and where the tensor's bytes begin in it. */
function savedFile(): { bytes: Uint8Array<ArrayBuffer>; at: number } {
  const bytes = new Uint8Array(serializeTorch({ w: { shape: [4], values } }));
  const wanted = Buffer.from(values.buffer);
  return { bytes, at: Buffer.from(bytes.buffer).indexOf(wanted) };
}

/** Sets the checksum of every entry, in the directory and before the data, to 0. */
function withoutChecksums(bytes: Uint8Array<ArrayBuffer>): void {
  const view = new DataView(bytes.buffer);
  for (let at = 0; at + 46 <= bytes.length; at++) {
    const signature = view.getUint32(at, true);
    if (signature === 0x02014b50) view.setUint32(at + 16, 0, true);
    if (signature === 0x04034b50) view.setUint32(at + 14, 0, true);
  }
}

describe("checksums of torch.save", () => {
  it("tell a damaged tensor", async () => {
    const { bytes, at } = savedFile();
    expect(await (await openCheckpoint(bytes)).readFloat32("w")).toEqual(values);
    bytes[at + 5]! ^= 1;
    const file = await openCheckpoint(bytes);
    await expect(file.readFloat32("w")).rejects.toMatchObject({ code: "corrupt-file", message: /checksum/ });
  });

  it("of 0 were never computed (torch's option compute_crc32 = False)", async () => {
    const { bytes, at } = savedFile();
    withoutChecksums(bytes);
    // The sign and exponent of 1.5 become those of 6.
    bytes[at + 3] = 0x40;
    const [first] = await (await openCheckpoint(bytes)).readFloat32("w");
    expect(first).toBe(6);
  });
});
