import { isWalkingBack } from "../backprop.js";
import { engineInternals } from "../engine_access.js";
import type { MatrixUnits } from "./matrix_units.js";

/** Features of a device that has matrix units for half precision. */
export const matrixUnitFeatures = [
  "shader-f16",
  "subgroups",
  "chromium-experimental-subgroup-matrix",
] as const;

let inUse: MatrixUnits | undefined;
let inUseByAttention: MatrixUnits | undefined;

/** What products without gradients are computed with, where that is not plain arithmetic in single precision. */
export function matrixUnitsInUse(): MatrixUnits | undefined {
  return inUse;
}

/** The same for attention. */
export function attentionUnitsInUse(): MatrixUnits | undefined {
  return inUseByAttention;
}

/** Only `useWebgpuPrecision` calls it, having seen that the units compute right numbers. */
export function setMatrixUnitsInUse(units: MatrixUnits | undefined, useIn?: { attention: boolean }): void {
  inUse = units;
  inUseByAttention = useIn?.attention === false ? undefined : units;
}

/**
 * Whether nothing records for a gradient, and none is being computed: half precision would lose the small numbers of a backward
 * pass, and what it computes again would differ from what the forward pass saw.
 */
export function isForwardOnly(): boolean {
  return engineInternals().state.gradientDepth === 0 && !isWalkingBack();
}

/** A shape that a device's matrix units multiply. The standard's types do not have it yet. */
interface MatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

interface MatrixUnitInfo {
  readonly subgroupMinSize?: number;
  readonly subgroupMaxSize?: number;
  readonly subgroupMatrixConfigs?: readonly MatrixConfig[];
}

/** What keeps a device from the matrix unit shader, or undefined. */
export function missingForMatrixUnits(device: GPUDevice): string | undefined {
  const missing = matrixUnitFeatures.filter((feature) => !device.features.has(feature));
  if (missing.length > 0) return `the device lacks ${missing.join(", ")}`;
  const info = (device as { readonly adapterInfo?: unknown }).adapterInfo as MatrixUnitInfo | undefined;
  if (info?.subgroupMinSize !== 32 || info.subgroupMaxSize !== 32) {
    return `subgroups have ${info?.subgroupMinSize} to ${info?.subgroupMaxSize} threads, not 32`;
  }
  const fits = (info.subgroupMatrixConfigs ?? []).some(
    ({ componentType, resultComponentType, M, N, K }) =>
      componentType === "f16" && resultComponentType === "f32" && M === 16 && N === 16 && K === 16,
  );
  return fits ? undefined : "its matrix units do not multiply 16 x 16 x 16 from half to single precision";
}
