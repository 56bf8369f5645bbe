import { confusionCounts } from "@glof/metrics";
import { fillValues } from "../protocol.js";
import type { PrepareWork } from "./serve.js";
import { numberOf } from "./tf_tools.js";

/** Counts of a map of probabilities against a mask with pixels left out. */
export const glofCounts: PrepareWork = (args) => {
  const pixels = numberOf(args, "pixels");
  const pred = fillValues(pixels, 1).map(Math.abs);
  const truth = Uint8Array.from(fillValues(pixels, 2), (value) => (value > 0.9 ? 255 : Number(value > 0.4)));
  return {
    run() {
      confusionCounts(pred, truth);
    },
    async output() {
      const { tp, fp, fn, tn } = confusionCounts(pred, truth);
      return Float32Array.of(tp, fp, fn, tn);
    },
    dispose() {},
  };
};
