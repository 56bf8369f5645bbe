import type { TensorToWrite } from "@glof/checkpoint";
import { GlofError } from "@glof/core";
import type { ParamSpec, Params } from "../types.js";
import { toFileLayout, toMemoryShape } from "./layout.js";

/**
 * Weights back in PyTorch's layouts, ready for `writeSafetensors`: loading the file gives the same params again.
 *
 * @throws GlofError `parameter-mismatch` when a spec has no parameter or one of another shape
 */
export async function saveParams(
  specs: readonly ParamSpec[],
  params: Params,
): Promise<Record<string, TensorToWrite>> {
  const tensors: Record<string, TensorToWrite> = {};
  for (const spec of specs) {
    const tensor = params[spec.name];
    const expected = toMemoryShape(spec.shape, spec.layout);
    if (tensor === undefined || String(tensor.shape) !== String(expected)) {
      throw new GlofError(
        "parameter-mismatch",
        `saveParams: expected ${spec.name} with shape [${expected}] in memory, ` +
          `got ${tensor === undefined ? "nothing" : `[${tensor.shape}]`}. Pass the params of this very model.`,
        { name: spec.name },
      );
    }
    const values = Float32Array.from(await tensor.data());
    tensors[spec.name] = { shape: spec.shape, values: toFileLayout(values, spec.shape, spec.layout) };
  }
  return tensors;
}
