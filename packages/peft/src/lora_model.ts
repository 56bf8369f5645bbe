import type { Checkpoint } from "@glof/checkpoint";
import { seededRng } from "@glof/core";
import {
  dropPath,
  type ForwardMode,
  initParams,
  loadParams,
  type Model,
  type ParamSpec,
  type Params,
} from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import { type AdapterTensors, adaptedWeight, weightLengths } from "./adapted_weight.js";
import { type LoraConfig, type LoraOptions, toLoraConfig } from "./config.js";
import { type AdaptedModule, findTargets, savedParams } from "./targets.js";

/** A model with adapters. Its parameters are the model's own and those of the adapters, in one record. */
export interface LoraModel<Input, Output, Config = unknown>
  extends Model<Input, Output, { readonly base: Config; readonly lora: LoraConfig }> {
  readonly base: Model<Input, Output, Config>;
  readonly modules: readonly AdaptedModule[];
  /** The adapters' own parameters. */
  readonly adapterSpecs: readonly ParamSpec[];
  /** Parameters of the base model that learn in full: `modulesToSave` and `bias`. */
  readonly savedNames: readonly string[];
  /** Rules for `partition` and `fit`: adapters and saved parameters learn, the rest is frozen. */
  readonly rules: readonly (readonly [pattern: RegExp, what: "train" | "freeze"])[];
  /**
   * Parameters with fresh adapters that change nothing yet: the second factor is 0, a DoRA magnitude is the length that
   * is there. Tensors of `baseParams` are shared under handles of their own.
   */
  attach(baseParams: Params, seed: number): Params;
  /**
   * Parameters of the base model with the adapters at work, for calls other than `forward`. Gradients flow through; call
   * it in a tidy.
   */
  effective(params: Params, mode?: ForwardMode): Params;
}

/**
 * Puts low-rank adapters on linear layers and convolutions of a model (LoRA, Hu et al. 2022; DoRA, Liu et al. 2024).
 *
 * The adapters act on the weights: W + s A B is formed in each forward pass. This is what a layer with an adapter beside
 * it computes; only dropout differs, which leaves out input features for all positions of a step together.
 *
 * @throws GlofError `bad-config` when no module is a target; `unsupported-feature`; `bad-argument`
 */
export function buildLora<Input, Output, Config>(
  base: Model<Input, Output, Config>,
  options: LoraOptions,
): LoraModel<Input, Output, Config> {
  const config = toLoraConfig(options);
  const modules = findTargets(base.specs, config);
  const adapterSpecs = modules.flatMap((module) => specsOf(module, config));
  const savedNames = savedParams(base.specs, modules, config);
  const specs = [...base.specs, ...adapterSpecs];
  const attach = (baseParams: Params, seed: number): Params =>
    attachTo(baseParams, adapterSpecs, modules, seed);
  const effective = (params: Params, mode?: ForwardMode): Params =>
    effectiveParams(base.specs, modules, config, params, mode);
  return {
    config: { base: base.config, lora: config },
    base,
    modules,
    specs,
    adapterSpecs,
    savedNames,
    rules: rulesFor(savedNames),
    attach,
    effective,
    init: (seed) => {
      const fresh = base.init(seed);
      const params = attach(fresh, seed);
      tf.dispose({ ...fresh });
      return params;
    },
    load: (checkpoint: Checkpoint, loadOptions) => loadParams(specs, checkpoint, loadOptions),
    forward: (params, input, mode) =>
      tf.tidy(
        () => base.forward(effective(params, mode), input, mode) as tf.TensorContainer,
      ) as unknown as Output,
  };
}

/** The tensors of one module's adapter. */
export function adapterOf(params: Params, module: string): AdapterTensors & { readonly bias?: tf.Tensor } {
  return {
    a: params[`${module}.lora_A.weight`]!,
    b: params[`${module}.lora_B.weight`]!,
    bias: params[`${module}.lora_B.bias`],
    magnitude: params[`${module}.lora_magnitude_vector`],
  };
}

function specsOf({ name, spec, rank }: AdaptedModule, { dora, loraBias }: LoraConfig): ParamSpec[] {
  const [outputs, ...inputs] = spec.shape as [number, ...number[]];
  const ones = inputs.slice(1).map(() => 1);
  const fanIn = inputs.reduce((product, size) => product * size, 1);
  const common = { kind: "weight", layout: spec.layout } as const;
  const vector = { kind: "weight", layout: "as-is", init: { kind: "zeros" } } as const;
  // peft draws A uniformly with this deviation (Kaiming with a = sqrt(5)).
  const init = { kind: "normal", std: 1 / Math.sqrt(3 * fanIn) } as const;
  const specs: ParamSpec[] = [
    { ...common, name: `${name}.lora_A.weight`, shape: [rank, ...inputs], init },
    { ...common, name: `${name}.lora_B.weight`, shape: [outputs, rank, ...ones], init: { kind: "zeros" } },
  ];
  if (loraBias) specs.push({ ...vector, name: `${name}.lora_B.bias`, shape: [outputs] });
  const lengths = spec.layout === "linear" ? [outputs] : [1, outputs, 1, 1];
  if (dora) specs.push({ ...vector, name: `${name}.lora_magnitude_vector`, shape: lengths });
  return specs;
}

function attachTo(
  baseParams: Params,
  adapterSpecs: readonly ParamSpec[],
  modules: readonly AdaptedModule[],
  seed: number,
): Params {
  const adapters: Record<string, tf.Tensor> = { ...initParams(adapterSpecs, seed) };
  for (const { name } of modules) {
    const magnitude = adapters[`${name}.lora_magnitude_vector`];
    if (magnitude === undefined) continue;
    adapters[`${name}.lora_magnitude_vector`] = tf.tidy(() =>
      tf.reshape(weightLengths(baseParams[`${name}.weight`]!), magnitude.shape),
    );
    magnitude.dispose();
  }
  const own = Object.entries(baseParams).map(([name, tensor]) => [name, tensor.clone()]);
  return { ...Object.fromEntries(own), ...adapters } as Params;
}

function effectiveParams(
  baseSpecs: readonly ParamSpec[],
  modules: readonly AdaptedModule[],
  { dropout }: LoraConfig,
  params: Params,
  mode: ForwardMode = { training: false, seed: 0 },
): Params {
  const effective: Record<string, tf.Tensor> = {};
  for (const { name } of baseSpecs) effective[name] = params[name]!;
  for (const { name, scaling } of modules) {
    const { a, b, bias, magnitude } = adapterOf(params, name);
    const seen = mode.training && dropout > 0 ? withoutFeatures(a, dropout, mode, name) : a;
    effective[`${name}.weight`] = adaptedWeight(
      params[`${name}.weight`]!,
      { a: seen, b, magnitude },
      scaling,
    );
    if (bias) effective[`${name}.bias`] = adaptedBias(params[`${name}.bias`]!, bias, scaling);
  }
  return effective;
}

/** Leaves out input features: rows of the first factor. */
function withoutFeatures(a: tf.Tensor, rate: number, mode: ForwardMode, site: string): tf.Tensor {
  const seed = seededRng(`${mode.seed}/lora/${site}`).int(2 ** 31);
  const rank = a.shape.at(-1)!;
  // Dropping "samples" of the rows keeps or drops a feature for all ranks together.
  return tf.reshape(dropPath(tf.reshape(a, [-1, rank]), rate, { ...mode, seed }), a.shape);
}

/** The bias with an adapter's own, scaled as its update. */
export function adaptedBias(bias: tf.Tensor, adapterBias: tf.Tensor, scaling: number): tf.Tensor {
  return tf.add(bias, tf.mul(adapterBias, scaling));
}

function rulesFor(savedNames: readonly string[]): LoraModel<never, never>["rules"] {
  const saved = savedNames.map((name) => [new RegExp(`^${name.replaceAll(".", "\\.")}$`), "train"] as const);
  return [[/\.lora_(?:A\.|B\.|magnitude_vector$)/, "train"], ...saved, [/(?:)/, "freeze"]];
}
