import type { Suite } from "../bench_case.js";
import type { BenchSize } from "./ops_suite.js";

/**
 * Operations per pixel of value and gradient, sorting counted as n log2 n comparisons; bytes: logits and target read,
 * gradient written.
 */
export function lossesSuite(size: BenchSize): Suite {
  const [batch, side] = { full: [4, 518], quick: [4, 252], smoke: [1, 56] }[size] as [number, number];
  const pixels = batch * side * side;
  const perPixel = { lovaszHinge: Math.log2(pixels) + 12, dice: 20, bce: 25 };
  return {
    name: "losses",
    about: `Value and gradient of the losses on ${batch} x ${side} x ${side} logits. Lovasz sorts every pixel.`,
    freshProcesses: false,
    sides: ["glof", "stock", "torch", "torch-tuned"],
    cases: Object.entries(perPixel).map(([loss, flop]) => ({
      name: loss,
      isMain: true,
      task: { kind: "loss", args: { loss, batch, side } },
      flop: flop * pixels,
      bytes: 12 * pixels,
      // Gradients of single pixels are near 1e-6. torch's Lovasz takes them as differences of neighbours near 1, which keeps one digit in
      // f32, and may sort equal errors the other way.
      tolerance: loss === "lovaszHinge" ? 0.2 : 1e-3,
    })),
  };
}
