import { buildDinov2Vits14, flopsOf } from "@glof/vit-dinov2";
import { describe, expect, it } from "vitest";
import {
  adamWork,
  attentionWork,
  convWork,
  elementwiseWork,
  gatedWork,
  linearWork,
  shareOfCeiling,
} from "./work_counts.js";

describe("work counts", () => {
  it("add up to the model's own count", () => {
    const [tokens, width, depth] = [1370, 384, 12];
    const linears = [
      [width, 3 * width],
      [width, width],
      [width, 4 * width],
      [4 * width, width],
    ] as const;
    const block =
      attentionWork(1, tokens, width, false).flop +
      linears.reduce((sum, [from, to]) => sum + linearWork(tokens, from, to, false).flop, 0);
    const embedding = convWork([518, 518, 3], [37, 37, width], 14, false).flop;
    expect(depth * block + embedding).toBe(flopsOf(buildDinov2Vits14().config, [518, 518]));
  });

  it("count a backward pass as twice the forward products", () => {
    expect(linearWork(3, 5, 7, true).flop).toBe(3 * linearWork(3, 5, 7, false).flop);
    expect(linearWork(3, 5, 7, false)).toEqual({ flop: 210, bytes: 4 * (15 + 35 + 21) });
    expect(convWork([4, 4, 2], [4, 4, 3], 3, false)).toEqual({
      flop: 2 * 16 * 3 * 18,
      bytes: 4 * (32 + 54 + 48),
    });
    expect(elementwiseWork(10, 8, false)).toEqual({ flop: 80, bytes: 80 });
  });
});

describe("shareOfCeiling", () => {
  const ceiling = { flops: 100e9, bandwidth: 10e9 };

  it("is bound by arithmetic where there is much of it, else by memory", () => {
    expect(shareOfCeiling({ flop: 50e9, bytes: 1e9 }, 1, ceiling)).toBeCloseTo(0.5);
    expect(shareOfCeiling({ flop: 1e9, bytes: 5e9 }, 1, ceiling)).toBeCloseTo(0.5);
    expect(shareOfCeiling({ flop: 1e9, bytes: 5e9 }, 2, ceiling)).toBeCloseTo(0.25);
  });
});

describe("adamWork and gatedWork", () => {
  it("count what is read and written once", () => {
    // Parameter, gradient and moments in, all but the gradient out.
    expect(adamWork(10).bytes).toBe((4 + 3) * 40);
    // Twice as much in as out; with the gradient that, dY and dX on top.
    expect(gatedWork(2, 5, false)).toEqual({ flop: 130, bytes: 3 * 40 });
    expect(gatedWork(2, 5, true).bytes).toBe((3 + 2 + 1 + 2) * 40);
  });
});
