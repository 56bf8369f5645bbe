import { encode } from "fast-png";
import { describe, expect, it } from "vitest";
import { blankCanvas, decodePng, encodePng, fillRect, joinCanvases } from "./index.js";

describe("PNG", () => {
  it("comes back as it was written", () => {
    const canvas = blankCanvas(5, 3);
    fillRect(canvas, { x: 1, y: 1, width: 2, height: 1 }, [10, 20, 30]);
    expect(decodePng(encodePng(canvas))).toEqual(canvas);
    canvas.rgba[7] = 100;
    expect(decodePng(encodePng(canvas))).toEqual(canvas);
  });

  it.each([
    ["grey", { data: Uint8Array.from([7, 200]), channels: 1 }, [7, 7, 7, 255, 200, 200, 200, 255]],
    ["grey with alpha", { data: Uint8Array.from([7, 1, 9, 2]), channels: 2 }, [7, 7, 7, 1, 9, 9, 9, 2]],
    ["RGB", { data: Uint8Array.from([1, 2, 3, 4, 5, 6]), channels: 3 }, [1, 2, 3, 255, 4, 5, 6, 255]],
    [
      "16 bits",
      { data: Uint16Array.from([256, 512, 65535, 0, 255, 1000]), channels: 3, depth: 16 as const },
      [1, 2, 255, 255, 0, 0, 3, 255],
    ],
  ])("takes %s", (_, image, expected) => {
    expect([...decodePng(encode({ width: 2, height: 1, ...image })).rgba]).toEqual(expected);
  });

  it("takes grey of few bits", () => {
    const data = Uint8Array.from([0b10000001, 0b10000000, 0b01111111, 0b00000000]); // two rows of nine pixels
    const { rgba } = decodePng(encode({ width: 9, height: 2, channels: 1, depth: 1, data }));
    const grey = Array.from({ length: 18 }, (_, pixel) => rgba[pixel * 4]);
    expect(grey).toEqual([255, 0, 0, 0, 0, 0, 0, 255, 255, 0, 255, 255, 255, 255, 255, 255, 255, 0]);
  });

  it("takes a palette", () => {
    const bytes = encode({
      width: 2,
      height: 1,
      channels: 1,
      depth: 8,
      data: Uint8Array.from([1, 0]),
      palette: [
        [9, 8, 7],
        [1, 2, 3],
      ],
    });
    expect([...decodePng(bytes).rgba]).toEqual([1, 2, 3, 255, 9, 8, 7, 255]);
  });

  it("refuses other bytes, naming the file", () => {
    expect(() => decodePng(new Uint8Array(40), "a.png")).toThrow(/a\.png.*expected a PNG/);
    const broken = encodePng(blankCanvas(4, 4));
    expect(() => decodePng(broken.subarray(0, broken.length - 20))).toThrow(/cannot be decoded/);
  });
});

describe("joinCanvases", () => {
  it("puts pictures side by side on the background", () => {
    const tall = blankCanvas(1, 2);
    fillRect(tall, { x: 0, y: 0, width: 1, height: 2 }, [1, 1, 1]);
    const low = blankCanvas(2, 1);
    fillRect(low, { x: 0, y: 0, width: 2, height: 1 }, [2, 2, 2]);
    const { width, height, rgba } = joinCanvases([tall, low], { gapPx: 1, background: [9, 9, 9] });
    expect([width, height]).toEqual([4, 2]);
    expect(Array.from({ length: 8 }, (_, pixel) => rgba[pixel * 4])).toEqual([1, 9, 2, 2, 1, 9, 9, 9]);
  });
});
