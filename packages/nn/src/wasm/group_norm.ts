import type { TensorInfo } from "@tensorflow/tfjs-core";
import {
  type ChannelSums,
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

/** `GlofGroupNorm`: x [N, H, W, C], gamma [C], beta [C]; attrs groups, epsilon, activation -> [N, H, W, C]. */
export const groupNorm: WasmKernel = {
  name: "GlofGroupNorm",
  compute: (call) => {
    const { heap, inputs } = call;
    const y = heap.output(inputs.x!.shape, "float32");
    const images = imagesOf(heap, inputs.x!);
    withStatistics(call, images, ({ channels }) =>
      normaliseRows(heap, images, addresses(heap, y, images), channels),
    );
    return y;
  },
};

/** `GlofGroupNormGrad`: inputs and attrs as above, and dy -> dx, dgamma [C], dbeta [C]. */
export const groupNormGrad: WasmKernel = {
  name: "GlofGroupNormGrad",
  compute: (call) => {
    const { heap, inputs } = call;
    const dx = heap.output(inputs.x!.shape, "float32");
    const images = imagesOf(heap, inputs.x!);
    const slopes = addresses(heap, inputs.dy!, images);
    const gamma = floatsOf(heap, inputs.gamma!);
    const perGroup = gamma.length / (call.attrs.groups as number);
    const { sums, inverses } = withStatistics(call, images, ({ channels, inverses }) => {
      const sums = slopeSumsOf(heap, images, slopes, channels);
      const count = images[0]!.rows * perGroup;
      const terms = sums.flatMap((one, n) => termsOf(one, gamma, inverses[n]!, perGroup, count));
      withRows(heap, terms, (at) =>
        pullBackRows(
          heap,
          images,
          { slopes, results: addresses(heap, dx, images) },
          channels,
          images.map((_, n) => ({ along: at[2 * n]!, level: at[2 * n + 1]! })),
        ),
      );
      return { sums, inverses };
    });
    const dGamma = gamma.map((_, c) => total(sums, ({ first }, n) => first[c]! * inverses[n]![c]!));
    const dBeta = gamma.map((_, c) => total(sums, ({ second }) => second[c]!));
    return [dx, rowTensor(heap, dGamma), rowTensor(heap, dBeta)];
  },
};

function imagesOf(heap: WasmHeap, x: TensorInfo): Rows[] {
  const [batch, rows, columns, channels] = x.shape as [number, number, number, number];
  const pixels = rows * columns;
  const start = heap.address(x);
  return Array.from({ length: batch }, (_, n) => ({
    at: start + 4 * n * pixels * channels,
    rows: pixels,
    channels,
  }));
}

/** Where the images of another tensor of the same shape begin. */
const addresses = (heap: WasmHeap, tensor: TensorInfo, images: readonly Rows[]): number[] =>
  images.map(({ at }) => at - images[0]!.at + heap.address(tensor));

interface Statistics {
  readonly channels: readonly Channels[];
  /** 1 / std of each image's channels. */
  readonly inverses: readonly Float64Array[];
}

function withStatistics<T>(
  { heap, inputs, attrs }: KernelCall,
  images: readonly Rows[],
  use: (statistics: Statistics) => T,
): T {
  const gamma = floatsOf(heap, inputs.gamma!);
  const perGroup = gamma.length / (attrs.groups as number);
  const epsilon = attrs.epsilon as number;
  const groups = momentsOf(heap, images).map((sums) => joinGroups(sums, images[0]!.rows, perGroup));
  const inverses = groups.map(({ second }) => second.map((variance) => 1 / Math.sqrt(variance + epsilon)));
  const rows = groups.flatMap(({ first }, n) => [first, inverses[n]!.map((one, c) => one * gamma[c]!)]);
  const shifts = heap.address(inputs.beta!);
  const relu = attrs.activation === "relu";
  return withRows(heap, rows, (at) =>
    use({
      channels: images.map((_, n) => ({ means: at[2 * n]!, factors: at[2 * n + 1]!, shifts, relu })),
      inverses,
    }),
  );
}

/** Mean and variance of each channel's group, from the channels' sums and squares over `count` pixels. */
function joinGroups({ first, second }: ChannelSums, count: number, perGroup: number): ChannelSums {
  const means = overGroups(first, perGroup, count * perGroup);
  const squares = second.map((square, c) => square + count * (first[c]! / count - means[c]!) ** 2);
  return { first: means, second: overGroups(squares, perGroup, count * perGroup) };
}

/** The sum over each group, divided, at every channel of the group. */
function overGroups(values: Float64Array, perGroup: number, divisor: number): Float64Array {
  const result = new Float64Array(values.length);
  for (let from = 0; from < values.length; from += perGroup) {
    let sum = 0;
    for (let c = from; c < from + perGroup; c++) sum += values[c]!;
    result.fill(sum / divisor, from, from + perGroup);
  }
  return result;
}

/**
 * What dx takes, with n the normalised values, g = dy gamma and m the mean over a group: dx = (g - m(g) - n m(g n)) / std. So
 * along = -m(g n) / var (for x - mean), level = -m(g) / std.
 */
function termsOf(
  { first, second }: ChannelSums,
  gamma: Float32Array,
  inverses: Float64Array,
  perGroup: number,
  count: number,
): [along: Float64Array, level: Float64Array] {
  const alongs = first.map((sum, c) => sum * gamma[c]! * inverses[c]!);
  const levels = second.map((sum, c) => sum * gamma[c]!);
  return [
    overGroups(alongs, perGroup, count).map((mean, c) => -mean * inverses[c]! ** 2),
    overGroups(levels, perGroup, count).map((mean, c) => -mean * inverses[c]!),
  ];
}

function total(sums: readonly ChannelSums[], term: (sums: ChannelSums, image: number) => number): number {
  return sums.reduce((sum, one, n) => sum + term(one, n), 0);
}
