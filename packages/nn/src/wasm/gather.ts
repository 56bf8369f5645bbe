import { backend_util, type TensorInfo, util } from "@tensorflow/tfjs-core";
import type { WasmKernel } from "./override.js";

/**
 * `GatherV2` along one axis, as copies of runs; the stock kernel finds the place of every element anew. Batched gathers, other dtypes
 * and indices out of range (an error there) go to it.
 */
export const gather: WasmKernel = {
  name: "GatherV2",
  compute: ({ heap, inputs, attrs, stock }) => {
    const { x, indices } = inputs as Record<"x" | "indices", TensorInfo>;
    const axis = util.parseAxisParam(attrs.axis as number, [...x.shape])[0]!;
    const isPlain = (x.dtype === "float32" || x.dtype === "int32") && indices.dtype === "int32";
    if (!isPlain || ((attrs.batchDims as number | undefined) ?? 0) !== 0) return stock!();
    const picked = util.sizeFromShape(indices.shape);
    const extent = x.shape[axis]!;
    const given = new Int32Array(heap.bytes().buffer, heap.address(indices), picked);
    if (given.some((index) => index < 0 || index >= extent)) return stock!();
    const out = heap.output(
      [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)],
      x.dtype,
    );
    const outer = util.sizeFromShape(x.shape.slice(0, axis));
    const inner = util.sizeFromShape(x.shape.slice(axis + 1));
    const [from, ids, to] = [x, indices, out].map((one) => heap.address(one)) as [number, number, number];
    heap.kernels.gatherRuns(from, ids, to, outer, extent, picked, inner);
    return out;
  },
};

/** `Equal` of two shapes: both are repeated first, which is copies of runs; the stock kernel broadcasts element by element. */
export const equal: WasmKernel = {
  name: "Equal",
  compute: ({ heap, inputs, run, stock }) => {
    const [a, b] = [inputs.a!, inputs.b!];
    const isPlain = [a, b].every(({ dtype }) => dtype === "float32" || dtype === "int32");
    if (!isPlain || a.dtype !== b.dtype || util.arraysEqual(a.shape, b.shape)) return stock!();
    const shape = backend_util.assertAndGetBroadcastShape([...a.shape], [...b.shape]);
    if (shape.includes(0)) return stock!();
    const [wideA, wideB] = [a, b].map((x) => {
      const aligned = [...shape.map(() => 1), ...x.shape].slice(-shape.length);
      const reps = shape.map((size, axis) => size / aligned[axis]!);
      return run("Tile", { x: { ...x, shape: aligned } }, { reps });
    }) as [TensorInfo, TensorInfo];
    const out = run("Equal", { a: wideA, b: wideB });
    for (const wide of [wideA, wideB]) heap.release(wide);
    return out;
  },
};
