import { isGlofError, seededRng } from "@glof/core";
import { describe, expect, it } from "vitest";
import { openScene } from "../open_scene.js";
import { parseProductMetadata } from "./product_metadata.js";
import { testSafeFiles } from "./test_safe.js";
import { testZip } from "./test_zip.js";
import { parseTileMetadata } from "./tile_metadata.js";

const { name, files } = testSafeFiles({
  offsetsDn: { B02: -1000 },
  images: { "R10m/B02_10m": { bands: [new Uint16Array(144).fill(1200)] } },
});
const text = (end: string): string =>
  new TextDecoder().decode([...files].find(([path]) => path.endsWith(end))![1]);

/** Damages text in one of the ways of broken downloads and bad hands. */
function damage(from: string, rng: { next(): number }): string {
  const at = Math.floor(rng.next() * from.length);
  const length = Math.floor(rng.next() ** 3 * 200);
  const kinds = [
    () => from.slice(0, at),
    () => from.slice(0, at) + from.slice(at + length),
    () => from.slice(0, at) + from.slice(at, at + length).repeat(3) + from.slice(at + length),
    () => from.slice(0, at) + String.fromCharCode(rng.next() * 0x250) + from.slice(at + 1),
    () => from.replaceAll(from.slice(at, at + 1 + (length % 8)), ["<", "NaN", "-1", "", "1e999"][at % 5]!),
  ];
  return kinds[Math.floor(rng.next() * kinds.length)]!();
}

describe("damaged products", () => {
  it("end in a GlofError or a result, whatever the damage to metadata", () => {
    const rng = seededRng(20);
    for (const [xml, parse] of [
      [text("MTD_MSIL2A.xml"), parseProductMetadata],
      [text("MTD_TL.xml"), parseTileMetadata],
    ] as const) {
      for (let trial = 0; trial < 400; trial++) {
        try {
          parse(damage(xml, rng), "x");
        } catch (error) {
          if (!isGlofError(error)) throw error;
        }
      }
    }
  });

  it("end in a GlofError or a scene, whatever the damage to the archive", async () => {
    const rng = seededRng(21);
    const zip = testZip(new Map([...files].map(([path, content]) => [`${name}/${path}`, content])));
    let refused = 0;
    for (let trial = 0; trial < 150; trial++) {
      const bytes = zip.slice();
      for (let flips = 0; flips < 1 + (trial % 4); flips++) {
        bytes[Math.floor(rng.next() * bytes.length)] = Math.floor(rng.next() * 256);
      }
      try {
        await (await openScene(bytes.buffer, { name: "x.zip" })).close();
      } catch (error) {
        if (!isGlofError(error)) throw error;
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(50);
  });
});
