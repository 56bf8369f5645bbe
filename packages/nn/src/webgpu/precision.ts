import * as tf from "@tensorflow/tfjs-core";
import { linear } from "../ops/linear.js";
import { deviceOf, isHardware } from "./dispatch.js";
import { setHalfStorageInForce } from "./half_in_force.js";
import { matrixUnitsInUse, missingForMatrixUnits, setMatrixUnitsInUse } from "./half_precision.js";
import { errorOfAttention, errorOfProducts, knownProduct } from "./known_results.js";
import { emulatedUnits, hardwareUnits } from "./matrix_units.js";
import type { ShaderBackend } from "./shader.js";
import { toHalfStorage } from "./to_half_storage.js";

/** How a forward pass keeps and multiplies its numbers on WebGPU. */
export type WebgpuPrecision = "f32" | "f16";

/** Options of `useWebgpuPrecision`. */
export interface WebgpuPrecisionOptions {
  /**
   * On a device that computes on the processor and has no matrix units, compute "f16" as they would, for tests: the same
   * numbers up to the order of adding up, slower than "f32". No effect on a GPU. Default false.
   */
  readonly emulate?: boolean;
}

/** What `useWebgpuPrecision` did. */
export interface PrecisionReport {
  /** "f16" where anything is halves. */
  readonly precision: WebgpuPrecision;
  readonly reason: string;
  /** How weights of `storeForPrediction` and results named `compact` are kept. */
  readonly storage: "floats" | "halves";
  /** Whether products run on matrix units, with operands rounded to halves. */
  readonly matrixUnits: boolean;
}

/**
 * Chooses for the whole process how the "webgpu" backend computes where no gradient is recorded. Sums are in single precision
 * in any case. "f16" has two parts, each used where it is seen to work, and the report says which are and why not:
 *
 * - Storage: weights that `storeForPrediction` gets from then on, and results that a caller names `compact` (in DINOv2: norms,
 *   queries, keys and values, attention, the hidden layer), are kept as halves, with half the memory and bytes. Every device can.
 *   The residual stream, statistics, logits and what the stock kernels compute stay floats.
 * - Matrix units (tensor cores): the operands of linear layers, convolutions and attention are rounded to halves there, wherever
 *   they come from. They multiply whole numbers whose product is known first, and attend to numbers whose result is.
 */
export async function useWebgpuPrecision(
  precision: WebgpuPrecision,
  { emulate = false }: WebgpuPrecisionOptions = {},
): Promise<PrecisionReport> {
  setHalfStorageInForce(false);
  setMatrixUnitsInUse(undefined);
  const floats = { precision: "f32", storage: "floats", matrixUnits: false } as const;
  if (precision === "f32") return { ...floats, reason: "asked for" };
  if (tf.getBackend() !== "webgpu")
    return { ...floats, reason: 'the backend "webgpu" is not the current one' };
  const backend = tf.backend() as unknown as ShaderBackend;
  const noStorage = await tryHalfStorage();
  const units = await tryMatrixUnits(backend, emulate && !isHardware(backend));
  const reasons = [
    noStorage === undefined
      ? "weights and intermediate results are kept as halves"
      : `weights and results are kept as floats, because ${noStorage}`,
    units.reason,
  ];
  return {
    precision: noStorage === undefined || units.inUse ? "f16" : "f32",
    reason: reasons.join("; "),
    storage: noStorage === undefined ? "halves" : "floats",
    matrixUnits: units.inUse,
  };
}

/** Whether products where no gradient is recorded run on matrix units now, with operands rounded to halves. */
export function usesMatrixUnits(): boolean {
  return matrixUnitsInUse() !== undefined;
}

/** Puts half storage into force; otherwise says what keeps it from being used. */
async function tryHalfStorage(): Promise<string | undefined> {
  const { operands, isRight } = knownProduct(32);
  const [x, w] = operands();
  setHalfStorageInForce(true);
  const isKept = await multipliesRight(x, w, isRight).catch((error) => {
    setHalfStorageInForce(false);
    throw error;
  });
  if (isKept) return undefined;
  setHalfStorageInForce(false);
  return "halves gave wrong numbers for a known product";
}

/** Whether a product is right whose right operand and result are kept as halves. */
async function multipliesRight(
  x: tf.Tensor,
  w: tf.Tensor,
  isRight: (values: ArrayLike<number>) => boolean,
): Promise<boolean> {
  const stored = await toHalfStorage({ w });
  const y = linear(x, stored.w!, undefined, { compact: true });
  return isRight(await y.data().finally(() => tf.dispose([x, w, y, stored])));
}

/** Puts matrix units into use, as far as they compute right, and says how far. */
async function tryMatrixUnits(
  backend: ShaderBackend,
  emulated: boolean,
): Promise<{ inUse: boolean; reason: string }> {
  const missing = emulated ? undefined : missingForMatrixUnits(deviceOf(backend));
  if (missing !== undefined) {
    return { inUse: false, reason: `products are computed in single precision, because ${missing}` };
  }
  const units = emulated ? emulatedUnits : hardwareUnits;
  const name = emulated ? "matrix units emulated on the processor" : "matrix units";
  // In use for as long as they are tried; what throws, such as a lost device, leaves them out of use.
  setMatrixUnitsInUse(units);
  const [wrong, wrongAttention] = await Promise.resolve()
    .then(async () => [await errorOfProducts(backend), await errorOfAttention(backend)])
    .finally(() => setMatrixUnitsInUse(undefined));
  if (wrong !== undefined) {
    return { inUse: false, reason: `products are computed in single precision, because ${wrong}` };
  }
  if (wrongAttention === undefined) {
    setMatrixUnitsInUse(units);
    return {
      inUse: true,
      reason: `products and attention run on ${name}, which were checked against known ones`,
    };
  }
  setMatrixUnitsInUse(units, { attention: false });
  return {
    inUse: true,
    reason: `products run on ${name}, which were checked against a known one; attention does not, because ${wrongAttention}`,
  };
}
