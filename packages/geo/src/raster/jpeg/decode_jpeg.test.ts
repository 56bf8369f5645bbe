import { readFileSync } from "node:fs";
import { seededRng } from "@glof/core";
import { hasShared, sharedPath } from "@glof/test-kit";
import { describe, expect, it } from "vitest";
import { decodeJpeg } from "./decode_jpeg.js";
import { inverseDct } from "./jpeg_idct.js";
import { upsamplePlane } from "./jpeg_upsample.js";

describe("inverseDct", () => {
  it("is the cosine transform, rounded", () => {
    const rng = seededRng("dct");
    for (let trial = 0; trial < 50; trial++) {
      const coefficients = Int32Array.from({ length: 64 }, (_, k) =>
        Math.round(rng.uniform(-200, 200) / (1 + k)),
      );
      const out = new Uint8Array(64);
      inverseDct(coefficients, out, 0, 8);
      for (let y = 0; y < 8; y++) {
        for (let x = 0; x < 8; x++) {
          let sum = 0;
          for (let v = 0; v < 8; v++) {
            for (let u = 0; u < 8; u++) {
              const scale = (u === 0 ? Math.SQRT1_2 : 1) * (v === 0 ? Math.SQRT1_2 : 1);
              const wave =
                Math.cos(((2 * x + 1) * u * Math.PI) / 16) * Math.cos(((2 * y + 1) * v * Math.PI) / 16);
              sum += (scale * coefficients[8 * v + u]! * wave) / 4;
            }
          }
          const exact = Math.min(Math.max(sum + 128, 0), 255);
          // Two bits are kept between the passes: a sample near a half may round to the other side (IEEE 1180: by one).
          expect(Math.abs(out[8 * y + x]! - exact)).toBeLessThan(0.75);
        }
      }
    }
  });
});

describe("upsamplePlane", () => {
  const plane = { samples: Uint8Array.of(0, 100, 200, 40, 80, 120), stride: 3, width: 3, height: 2 };

  it("smooths halved planes as libjpeg, to the last column and row", () => {
    expect([...upsamplePlane({ ...plane, height: 1 }, 2, 1, 6, 1)]).toEqual([0, 25, 75, 125, 175, 200]);
    expect([...upsamplePlane({ ...plane, height: 1 }, 2, 1, 5, 1)]).toEqual([0, 25, 75, 125, 175]);
    // Down the columns: 3/4 of the nearer row and 1/4 of the farther one.
    expect([...upsamplePlane(plane, 1, 2, 3, 4)].slice(3, 9)).toEqual([10, 95, 180, 30, 85, 140]);
    const both = upsamplePlane(plane, 2, 2, 6, 4);
    expect([both[0], both[23]]).toEqual([0, 120]);
  });

  it("repeats where libjpeg repeats", () => {
    const narrow = { samples: Uint8Array.of(10, 20), stride: 2, width: 2, height: 1 };
    expect([...upsamplePlane(narrow, 2, 1, 4, 1)]).toEqual([10, 10, 20, 20]);
    expect([...upsamplePlane(plane, 1, 1, 3, 2)]).toEqual([...plane.samples]);
  });
});

describe.skipIf(!hasShared("data/geotiff_zoo"))("decodeJpeg on broken bytes", () => {
  it("ends quickly, in a picture or an error", () => {
    const file = readFileSync(sharedPath("data/geotiff_zoo/image-tiff-seq/tiled-jpeg-rgb-u8.tif"));
    const start = file.indexOf(Uint8Array.of(0xff, 0xd8, 0xff), 8);
    const tile = new Uint8Array(file.subarray(start, start + 3000));
    const rng = seededRng("jpeg");
    const outcomes = new Set<string>();
    const target = { cols: 64, rows: 64, samples: 3 };
    for (let trial = 0; trial < 500; trial++) {
      const broken = tile.slice(0, trial % 3 === 0 ? rng.int(tile.length) : tile.length);
      for (let change = 0; change < 1 + rng.int(5); change++) {
        broken[rng.int(Math.min(broken.length, trial % 2 === 0 ? 700 : 3000))] = rng.int(256);
      }
      try {
        const pixels = decodeJpeg(broken, new Uint8Array(), target);
        outcomes.add(pixels === undefined ? "other coding" : `${pixels.length}`);
      } catch (error) {
        expect((error as Error).message).toMatch(/JPEG/);
        outcomes.add("error");
      }
    }
    expect(outcomes).toContain("error");
  });
});
