import { util } from "@tensorflow/tfjs-core";
import type { AdamNumbers } from "../ops/adam_types.js";
import type { WasmKernel } from "./override.js";
import type { KernelTask } from "./threads/pool.js";
import { splitForThreads } from "./threads/split.js";

/** Floats per task: some ten microseconds. */
const GRAIN = 1 << 14;

/** `GlofAdam`: param, grad and what there is of mean and square -> param, mean and square after the update. */
export const adam: WasmKernel = {
  name: "GlofAdam",
  compute: ({ heap, inputs, attrs }) => {
    const param = inputs.param!;
    const outputs = [0, 1, 2].map(() => heap.output(param.shape, "float32"));
    const list = numbersOf(attrs as unknown as AdamNumbers);
    const numbers = heap.scratch(4 * list.length);
    new Float32Array(heap.bytes().buffer, numbers, list.length).set(list);
    const addresses = [param, inputs.grad, inputs.mean, inputs.square, ...outputs].map((tensor) =>
      tensor === undefined ? 0 : heap.address(tensor),
    );
    const tasks = splitForThreads(util.sizeFromShape(param.shape), GRAIN, heap.threads).map(
      ({ from, count }): KernelTask => {
        const moved = addresses.map((address) => (address === 0 ? 0 : address + 4 * from));
        return ["adam", ...moved, count, numbers];
      },
    );
    heap.run(tasks);
    return outputs;
  },
};

/** In the order of `assembly/adam.ts`. 1 - beta is formed before it is rounded: beta2 is close to 1. */
function numbersOf({ beta1, beta2, epsilon, shrink, l2, stepSize, spreadScale }: AdamNumbers): number[] {
  return [beta1, 1 - beta1, beta2, 1 - beta2, epsilon, shrink, l2, -stepSize, spreadScale];
}
