import type { TensorInfo } from "@tensorflow/tfjs-core";
import {
  type Channels,
  floatsOf,
  momentsOf,
  normaliseRows,
  pullBackRows,
  type Rows,
  rowTensor,
  slopeSumsOf,
  withRows,
} from "./channel_norm.js";
import type { WasmHeap } from "./heap.js";
import type { KernelCall, WasmKernel } from "./override.js";

/** `GlofMoments`: x [M, C], runningMean, runningVar [C]; attrs momentum -> mean, biased variance and the next running ones [C]. */
export const moments: WasmKernel = {
  name: "GlofMoments",
  compute: ({ heap, inputs, attrs }) => {
    const all = rowsOf(heap, inputs.x!);
    const [{ first, second }] = momentsOf(heap, [all]) as [ReturnType<typeof momentsOf>[0]];
    const momentum = attrs.momentum as number;
    const mix = (running: TensorInfo, batch: Float64Array): Float64Array =>
      Float64Array.from(floatsOf(heap, running), (one, c) => (1 - momentum) * one + momentum * batch[c]!);
    const mean = first.map((sum) => sum / all.rows);
    const nextMean = mix(inputs.runningMean!, mean);
    // The running variance takes the unbiased one.
    const nextVariance = mix(
      inputs.runningVar!,
      second.map((sum) => sum / (all.rows - 1)),
    );
    const variance = second.map((sum) => sum / all.rows);
    return [mean, variance, nextMean, nextVariance].map((values) => rowTensor(heap, values));
  },
};

/** `GlofNormalise`: x [M, C]; mean, variance, gamma, beta [C]; attrs epsilon, activation -> [M, C]. */
export const normalise: WasmKernel = {
  name: "GlofNormalise",
  compute: (call) => {
    const { heap, inputs } = call;
    const x = inputs.x!;
    const y = heap.output(x.shape, "float32");
    withRows(heap, [factorsOf(call)], ([factors]) =>
      normaliseRows(heap, [rowsOf(heap, x)], [heap.address(y)], [channelsOf(call, factors!)]),
    );
    return y;
  },
};

/**
 * `GlofNormaliseGrad`: inputs and attrs as above, and dy; attrs fixed (mean and variance do not depend on x) -> dx, dgamma
 * [C], dbeta [C].
 */
export const normaliseGrad: WasmKernel = {
  name: "GlofNormaliseGrad",
  compute: (call) => {
    const { heap, inputs, attrs } = call;
    const x = inputs.x!;
    const dx = heap.output(x.shape, "float32");
    const all = rowsOf(heap, x);
    const dy = heap.address(inputs.dy!);
    const factors = factorsOf(call);
    const inverses = inversesOf(call);
    const share = attrs.fixed === true ? 0 : 1 / all.rows;
    const { along, level } = withRows(heap, [factors], ([at]) => {
      const channels = channelsOf(call, at!);
      const [sums] = slopeSumsOf(heap, [all], [dy], [channels]) as [ReturnType<typeof slopeSumsOf>[0]];
      const rows = [
        sums.first.map((sum, c) => -sum * share * factors[c]! * inverses[c]! ** 2),
        sums.second.map((sum, c) => -sum * share * factors[c]!),
      ];
      withRows(heap, rows, ([alongAt, levelAt]) => {
        const terms = { along: alongAt!, level: levelAt! };
        pullBackRows(heap, [all], { slopes: [dy], results: [heap.address(dx)] }, [channels], [terms]);
      });
      return { along: sums.first, level: sums.second };
    });
    const dGamma = along.map((sum, c) => sum * inverses[c]!);
    return [dx, rowTensor(heap, dGamma), rowTensor(heap, level)];
  },
};

function rowsOf(heap: WasmHeap, x: TensorInfo): Rows {
  const [rows, channels] = x.shape as [number, number];
  return { at: heap.address(x), rows, channels };
}

/** 1 / sqrt(variance + epsilon). */
function inversesOf({ heap, inputs, attrs }: KernelCall): Float64Array {
  const epsilon = attrs.epsilon as number;
  return Float64Array.from(floatsOf(heap, inputs.variance!), (variance) => 1 / Math.sqrt(variance + epsilon));
}

function factorsOf(call: KernelCall): Float64Array {
  const gamma = floatsOf(call.heap, call.inputs.gamma!);
  return inversesOf(call).map((inverse, c) => inverse * gamma[c]!);
}

const channelsOf = ({ heap, inputs, attrs }: KernelCall, factors: number): Channels => ({
  means: heap.address(inputs.mean!),
  factors,
  shifts: heap.address(inputs.beta!),
  relu: attrs.activation === "relu",
});
