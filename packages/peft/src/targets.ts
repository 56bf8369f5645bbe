import { GlofError } from "@glof/core";
import type { ParamSpec } from "@glof/nn";
import type { LoraConfig, ModuleSelection } from "./config.js";

/** A module with an adapter. */
export interface AdaptedModule {
  /** Such as `blocks.3.attn.qkv`. */
  readonly name: string;
  /** Of its weight. */
  readonly spec: ParamSpec;
  readonly hasBias: boolean;
  readonly rank: number;
  /** Of the update: alpha / rank, or alpha / sqrt(rank). */
  readonly scaling: number;
}

/**
 * The modules that a config adapts, in the order of the specs.
 *
 * @throws GlofError `bad-config` when no module is a target; `unsupported-feature` when a target is neither a linear
 *   layer nor a convolution
 */
export function findTargets(specs: readonly ParamSpec[], config: LoraConfig): AdaptedModule[] {
  const named = new Map(specs.map((spec) => [spec.name, spec]));
  const modules = [...new Set(specs.map(({ name }) => moduleOf(name)))];
  const isTarget = (name: string): boolean =>
    config.targets === "all-linear"
      ? named.get(`${name}.weight`)?.layout === "linear"
      : selects(config.targets, name);
  const found = modules.filter(
    (name) => isTarget(name) && !(config.exclude && selects(config.exclude, name)),
  );
  if (found.length === 0) {
    throw new GlofError(
      "bad-config",
      `buildLora: expected targets [${config.targets}] to name modules of the model, got none among ` +
        `${modules.length}, such as ${modules.slice(0, 4).join(", ")}. Correct the targets.`,
      { targets: config.targets },
    );
  }
  return found.map((name) => {
    const spec = named.get(`${name}.weight`);
    if (spec === undefined || (spec.layout !== "linear" && spec.layout !== "conv2d")) {
      throw new GlofError(
        "unsupported-feature",
        `buildLora: expected targets to be linear layers or convolutions, got ${name}. Leave it out, or train it in ` +
          "full as one of modulesToSave.",
        { name },
      );
    }
    const rank = byPattern(config.rankPattern, name) ?? config.rank;
    const alpha = byPattern(config.alphaPattern, name) ?? config.alpha;
    const scaling = alpha / (config.rankStabilized ? Math.sqrt(rank) : rank);
    return { name, spec, hasBias: named.has(`${name}.bias`), rank, scaling };
  });
}

/** Names of the model's own parameters that learn in full and belong to the adapter. */
export function savedParams(
  specs: readonly ParamSpec[],
  modules: readonly AdaptedModule[],
  { bias, modulesToSave }: LoraConfig,
): string[] {
  const adapted = new Set(modules.map(({ name }) => name));
  return specs
    .filter(({ name }) => {
      const owner = moduleOf(name);
      if (modulesToSave.some((one) => owner === one || `.${owner}.`.includes(`.${one}.`))) return true;
      if (!name.endsWith(".bias")) return false;
      return bias === "all" || (bias === "lora_only" && adapted.has(owner));
    })
    .map(({ name }) => name);
}

/** `blocks.0.attn.qkv.weight` -> `blocks.0.attn.qkv` */
export const moduleOf = (paramName: string): string =>
  paramName.slice(0, Math.max(0, paramName.lastIndexOf(".")));

function selects(selection: ModuleSelection, name: string): boolean {
  if (typeof selection === "string") return new RegExp(`^(?:${selection})$`).test(name);
  return selection.some((ending) => name === ending || name.endsWith(`.${ending}`));
}

/** The value of the first key that matches the end of a name, at a dot. */
function byPattern(patterns: Readonly<Record<string, number>>, name: string): number | undefined {
  const key = Object.keys(patterns).find((pattern) => new RegExp(`^(?:.*\\.)?(?:${pattern})$`).test(name));
  return key === undefined ? undefined : patterns[key];
}
