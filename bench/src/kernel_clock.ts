import * as tf from "@tensorflow/tfjs-core";

/** What one kernel did in the passes that were watched. */
export interface KernelTime {
  /** `stock NAME` where TensorFlow.js's own ran, be it behind one of ours. */
  readonly kernel: string;
  calls: number;
  /** CPU time of the kernel alone, without kernels that it ran. */
  microseconds: number;
  /** Of its inputs and results, each once. */
  bytes: number;
}

const times = new Map<string, KernelTime>();
/** CPU time of the kernels that the ones in flight ran themselves, innermost last. */
const inner: number[] = [];

const cpuMicroseconds = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/**
 * Puts a clock around every kernel registered for "wasm" now. Called before our kernels are installed and again after, it
 * tells a kernel of ours from the stock one behind it.
 */
export function watchKernels(prefix: string): void {
  for (const config of tf.getKernelsForBackend("wasm")) {
    const name = `${prefix}${config.kernelName}`;
    tf.unregisterKernel(config.kernelName, "wasm");
    tf.registerKernel({ ...config, kernelFunc: (call) => timed(name, call, config.kernelFunc) });
  }
}

type KernelCall = Parameters<tf.KernelFunc>[0];

function timed(name: string, call: KernelCall, run: tf.KernelFunc): ReturnType<tf.KernelFunc> {
  const start = cpuMicroseconds();
  inner.push(0);
  const result = run(call);
  const spent = cpuMicroseconds() - start;
  const own = spent - inner.pop()!;
  if (inner.length > 0) inner[inner.length - 1]! += spent;
  const time = times.get(name) ?? { kernel: name, calls: 0, microseconds: 0, bytes: 0 };
  times.set(name, time);
  time.calls++;
  time.microseconds += own;
  for (const tensor of [...Object.values(call.inputs), result].flat()) time.bytes += bytesOf(tensor);
  return result;
}

const bytesOf = (tensor: tf.TensorInfo | undefined): number =>
  tensor === undefined ? 0 : tf.util.sizeFromShape([...tensor.shape]) * tf.util.bytesPerElement(tensor.dtype);

/** What the kernels did within `pass`, and its CPU time in all. */
export async function watchPass(
  pass: () => Promise<void> | void,
): Promise<{ readonly kernels: readonly KernelTime[]; readonly microseconds: number }> {
  times.clear();
  const start = cpuMicroseconds();
  await pass();
  return { microseconds: cpuMicroseconds() - start, kernels: [...times.values()] };
}
