import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import * as tf from "@tensorflow/tfjs-core";
import { summarize } from "./statistics.js";

/** What a process holds after so many repeats, garbage collected. */
export interface MemorySample {
  readonly done: number;
  readonly tensors: number;
  readonly tensorBytes: number;
  /** Buffers of the GPU in use or kept for use, and their bytes; absent on other backends. */
  readonly gpuBuffers?: number;
  readonly gpuBytes?: number;
  /** What JavaScript holds, array buffers outside its heap included. */
  readonly heapBytes: number;
  readonly rssBytes: number;
}

/** `gc` of an engine that was started without its flag. */
const collectGarbage: () => void = (() => {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
})();

/** What this process holds now. */
export function takeSample(done: number): MemorySample {
  collectGarbage();
  const { numTensors, numBytes } = tf.memory();
  const { heapUsed, external, rss } = process.memoryUsage();
  return {
    done,
    tensors: numTensors,
    tensorBytes: numBytes,
    ...gpuMemory(),
    heapBytes: heapUsed + external,
    rssBytes: rss,
  };
}

/** The pool of TensorFlow.js's WebGPU backend, which its types hide. */
interface BufferPool {
  getNumUsedBuffers(): number;
  getNumFreeBuffers(): number;
  readonly numBytesAllocated: number;
}

function gpuMemory(): Pick<MemorySample, "gpuBuffers" | "gpuBytes"> {
  if (tf.getBackend() !== "webgpu") return {};
  const { bufferManager } = tf.backend() as unknown as { bufferManager: BufferPool };
  return {
    gpuBuffers: bufferManager.getNumUsedBuffers() + bufferManager.getNumFreeBuffers(),
    gpuBytes: bufferManager.numBytesAllocated,
  };
}

/** Growth per thousand repeats: the slope of a straight line through the later half of the samples. */
export function growthPerThousand(
  samples: readonly MemorySample[],
  what: Exclude<keyof MemorySample, "done">,
): number {
  const late = samples.slice(Math.floor(samples.length / 2));
  const mean = (values: readonly number[]) => values.reduce((sum, one) => sum + one, 0) / values.length;
  const [x, y] = [late.map(({ done }) => done), late.map((sample) => sample[what] ?? Number.NaN)];
  const [meanX, meanY] = [mean(x), mean(y)];
  const spread = x.reduce((sum, one) => sum + (one - meanX) ** 2, 0);
  return (1000 * x.reduce((sum, one, index) => sum + (one - meanX) * (y[index]! - meanY), 0)) / spread;
}

/** Medians of the earlier and the later half of some values in order of time. */
export function medianOfHalves(values: readonly number[]): [earlier: number, later: number] {
  const half = values.length >> 1;
  return [summarize(values.slice(0, half)).median, summarize(values.slice(half)).median];
}
