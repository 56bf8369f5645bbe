import type { BenchCase, Suite } from "../bench_case.js";
import type { BenchSize } from "./ops_suite.js";

/** Classes of the losses that have several. */
const classes = 4;

/**
 * Operations per pixel of value and gradient, sorting counted as n log2 n comparisons; bytes: logits and target read,
 * gradient written.
 */
export function lossesSuite(size: BenchSize): Suite {
  const [batch, side] = { full: [4, 518], quick: [4, 252], smoke: [1, 56] }[size] as [number, number];
  const pixels = batch * side * side;
  const sorting = Math.log2(pixels) + 12;
  const binary = { lovaszHinge: sorting, dice: 20, bce: 25, focal: 60, tversky: 25, mcc: 25 };
  const ofClasses = {
    crossEntropy: 25 * classes,
    classFocal: 60 * classes,
    classDice: 30 * classes,
    lovaszSoftmax: (sorting + 25) * classes,
  };
  const toCase =
    (channels: number) =>
    ([loss, flop]: [string, number]) => ({
      name: loss,
      isMain: ["lovaszHinge", "dice", "bce", "crossEntropy"].includes(loss),
      task: { kind: "loss", args: { loss, batch, side, classes: channels } },
      flop: flop * pixels,
      bytes: (8 * channels + 4) * pixels,
      // Gradients of single pixels are near 1e-6. torch's Lovasz takes them as differences of neighbours near 1, which keeps one digit in
      // f32, and may sort equal errors the other way.
      tolerance: loss.startsWith("lovasz") ? 0.2 : 1e-3,
    });
  return {
    name: "losses",
    about:
      `Value and gradient of the losses on ${batch} x ${side} x ${side} logits, from crossEntropy on ${classes} of each. ` +
      "Lovasz sorts every pixel. " +
      "Counts are true and false positives and negatives of a raster, a byte and a float a pixel.",
    freshProcesses: false,
    sides: ["glof", "stock", "torch", "torch-tuned"],
    cases: [
      ...Object.entries(binary).map(toCase(1)),
      ...Object.entries(ofClasses).map(toCase(classes)),
      countsCase(16 * pixels),
    ],
  };
}

/** What metrics are made of, in JavaScript. */
const countsCase = (pixels: number): BenchCase => ({
  name: "confusionCounts",
  task: { kind: "counts", args: { pixels } },
  leftOut: { stock: "no counts that leave pixels out" },
  flop: 6 * pixels,
  bytes: 5 * pixels,
  tolerance: 0,
});
