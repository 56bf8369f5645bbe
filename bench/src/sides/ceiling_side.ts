import { InferenceSession, Tensor } from "onnxruntime-node";
import { fillValues } from "../protocol.js";
import { compileFmaLoop } from "./fma_loop.js";
import { gemmGraph } from "./gemm_graph.js";
import { serve } from "./serve.js";
import { numberOf } from "./tf_tools.js";

/** The loops that the ceilings of a processor are measured with. */
await serve(async () => {
  const loop = compileFmaLoop();
  return {
    facts: { isFused: String(loop.isFused) },
    tasks: {
      fma: (args) => ({
        run: () => void loop.run(numberOf(args, "iterations")),
        dispose: () => undefined,
      }),
      copy: (args) => {
        const from = new Float32Array(numberOf(args, "values")).fill(1);
        const to = new Float32Array(from.length);
        return { run: () => to.set(from), dispose: () => undefined };
      },
      gemm: async (args) => {
        const size = numberOf(args, "size");
        const session = await InferenceSession.create(gemmGraph(size));
        const make = (salt: number) => new Tensor("float32", fillValues(size * size, salt), [size, size]);
        const feeds = { a: make(1), b: make(2) };
        return { run: async () => void (await session.run(feeds)), dispose: () => session.release() };
      },
    },
  };
});
