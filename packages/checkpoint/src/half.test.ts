import { describe, expect, it } from "vitest";
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from "./half.js";

const every16 = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);

describe("half precision", () => {
  it("f16: every value survives the way to f32 and back", () => {
    const back = f32ToF16(f16ToF32(every16));
    const isNan = (bits: number): boolean => (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0;
    const wrong = every16.filter((bits) =>
      isNan(bits) ? (back[bits]! & 0x7fff) !== 0x7e00 : back[bits] !== bits,
    );
    expect([...wrong]).toEqual([]);
  });

  it("bf16: every value survives", () => {
    const back = f32ToBf16(bf16ToF32(every16));
    const isNan = (bits: number): boolean => (bits & 0x7f80) === 0x7f80 && (bits & 0x7f) !== 0;
    const wrong = every16.filter((bits) => (isNan(bits) ? !isNan(back[bits]!) : back[bits] !== bits));
    expect([...wrong]).toEqual([]);
  });

  // Neighbours of f16 around the midpoint: the even one wins a tie, anything off the tie goes to its side.
  it("f16: rounds to nearest, ties to even, at every midpoint", () => {
    const values = f16ToF32(every16);
    const wrong: number[] = [];
    for (let bits = 0; bits < 0x7bff; bits++) {
      const middle = (values[bits]! + values[bits + 1]!) / 2;
      const even = bits % 2 === 0 ? bits : bits + 1;
      const [low, tie, high] = f32ToF16(
        Float32Array.of(middle - (middle - values[bits]!) / 8, middle, middle + (middle - values[bits]!) / 8),
      );
      if (low !== bits || tie !== even || high !== bits + 1) wrong.push(bits);
    }
    expect(wrong).toEqual([]);
  });

  it("knows the edges", () => {
    const edges = [
      65504,
      65519.996,
      65520,
      -65520,
      2 ** -24,
      2 ** -25,
      2 ** -25 * 1.0001,
      -0,
      Number.NEGATIVE_INFINITY,
    ];
    expect([...f32ToF16(Float32Array.from(edges))]).toEqual([
      0x7bff, 0x7bff, 0x7c00, 0xfc00, 1, 0, 1, 0x8000, 0xfc00,
    ]);
    const signed = f16ToF32(Uint16Array.of(0x8000));
    expect(Object.is(signed[0], -0)).toBe(true);
    expect([...f32ToBf16(Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8, 3.4e38))]).toEqual([
      0x3f80, 0x3f82, 0x7f80,
    ]);
  });
});
