import { GlofError } from "@glof/core";

/** Which modules: name endings (`"qkv"` finds `blocks.3.attn.qkv`), or one pattern that must match a whole name. */
export type ModuleSelection = readonly string[] | string;

/** What an adapter is made of. */
export interface LoraConfig {
  /** Inner width of the two factors. */
  readonly rank: number;
  /** The update is scaled by alpha / rank. Default: the rank, a scale of 1. */
  readonly alpha: number;
  /** Linear and convolution modules to adapt; `"all-linear"`: every linear one. */
  readonly targets: ModuleSelection;
  /** Modules to leave alone although they are targets. */
  readonly exclude?: ModuleSelection;
  /** Share of input features that the update does not see in a training step. Default 0. */
  readonly dropout: number;
  /** Weight-decomposed: learn the length of each output's weights apart from their direction. Default false. */
  readonly dora: boolean;
  /** Scale by alpha / sqrt(rank). Default false. */
  readonly rankStabilized: boolean;
  /** The update carries a bias. Default false. */
  readonly loraBias: boolean;
  /** Which biases of the model learn too. Default `"none"`. */
  readonly bias: "none" | "all" | "lora_only";
  /** Modules that learn in full and are stored with the adapter, such as a head. Default none. */
  readonly modulesToSave: readonly string[];
  /** Other ranks by module name ending or pattern. */
  readonly rankPattern: Readonly<Record<string, number>>;
  /** Other alphas likewise. */
  readonly alphaPattern: Readonly<Record<string, number>>;
}

/** Options of `buildLora`: what is not given has the default of `LoraConfig`. */
export type LoraOptions = Pick<LoraConfig, "rank" | "targets"> & Partial<LoraConfig>;

/**
 * Fills in defaults.
 *
 * @throws GlofError `bad-argument` for a rank that is no whole number above 0 or a dropout outside [0, 1)
 */
export function toLoraConfig(options: LoraOptions): LoraConfig {
  const config: LoraConfig = {
    alpha: options.rank,
    dropout: 0,
    dora: false,
    rankStabilized: false,
    loraBias: false,
    bias: "none",
    modulesToSave: [],
    rankPattern: {},
    alphaPattern: {},
    ...options,
  };
  const ranks = [config.rank, ...Object.values(config.rankPattern)];
  const wrong = ranks.find((rank) => !Number.isInteger(rank) || rank < 1);
  if (wrong !== undefined) {
    throw new GlofError(
      "bad-argument",
      `buildLora: expected ranks to be whole numbers above 0, got ${wrong}.`,
    );
  }
  if (config.dropout >= 0 && config.dropout < 1) return config;
  throw new GlofError("bad-argument", `buildLora: expected dropout in [0, 1), got ${config.dropout}.`);
}

/** `adapter_config.json` of the Python library peft, as far as it says what an adapter does. */
export interface PeftJson {
  readonly peft_type?: string;
  readonly r: number;
  readonly lora_alpha: number;
  readonly target_modules: string[] | string | null;
  readonly exclude_modules?: string[] | string | null;
  readonly lora_dropout?: number;
  readonly use_dora?: boolean;
  readonly use_rslora?: boolean;
  readonly lora_bias?: boolean;
  readonly bias?: "none" | "all" | "lora_only";
  readonly modules_to_save?: string[] | null;
  readonly rank_pattern?: Record<string, number>;
  readonly alpha_pattern?: Record<string, number>;
  readonly [more: string]: unknown;
}

/** Settings of peft that change what an adapter computes and that nothing here does. */
const unsupported = [
  "alora_invocation_tokens",
  "arrow_config",
  "layer_replication",
  "layers_to_transform",
  "megatron_config",
  "monteclora_config",
  "target_parameters",
  "trainable_token_indices",
  "use_bdlora",
  "use_qalora",
  "velora_config",
  "kasa_config",
] as const;

/**
 * Reads a parsed `adapter_config.json`.
 *
 * @throws GlofError `unsupported-format` when it is no LoRA adapter; `unsupported-feature` for settings of peft that
 *   change the result and are not offered here
 */
export function loraConfigFromPeft(json: PeftJson): LoraConfig {
  const { target_modules: targets } = json;
  if (json.peft_type !== "LORA" || typeof json.r !== "number" || !targets) {
    throw new GlofError(
      "unsupported-format",
      `loraConfigFromPeft: expected peft_type "LORA" with r and target_modules, got ${json.peft_type ?? "none"}. ` +
        "Check that this is the adapter_config.json of a LoRA or DoRA adapter.",
    );
  }
  const used = unsupported.filter(
    (name) => json[name] !== undefined && json[name] !== null && json[name] !== false,
  );
  if (used.length > 0 || json.fan_in_fan_out === true) {
    const names = json.fan_in_fan_out === true ? [...used, "fan_in_fan_out"] : used;
    throw new GlofError(
      "unsupported-feature",
      `loraConfigFromPeft: expected LoRA or DoRA on linear and convolution layers, got ${names.join(", ")}. ` +
        "Merge the adapter with peft and load the merged weights.",
      { names },
    );
  }
  return toLoraConfig({
    rank: json.r,
    alpha: json.lora_alpha,
    targets,
    exclude: json.exclude_modules ?? undefined,
    dropout: json.lora_dropout ?? 0,
    dora: json.use_dora ?? false,
    rankStabilized: json.use_rslora ?? false,
    loraBias: json.lora_bias ?? false,
    bias: json.bias ?? "none",
    modulesToSave: json.modules_to_save ?? [],
    rankPattern: json.rank_pattern ?? {},
    alphaPattern: json.alpha_pattern ?? {},
  });
}

/** What goes into `adapter_config.json`, so that peft reads it. */
export function loraConfigToPeft(config: LoraConfig): PeftJson {
  return {
    peft_type: "LORA",
    task_type: null,
    base_model_name_or_path: null,
    inference_mode: true,
    init_lora_weights: true,
    fan_in_fan_out: false,
    r: config.rank,
    lora_alpha: config.alpha,
    lora_dropout: config.dropout,
    target_modules: typeof config.targets === "string" ? config.targets : [...config.targets],
    exclude_modules:
      config.exclude === undefined || typeof config.exclude === "string"
        ? (config.exclude ?? null)
        : [...config.exclude],
    use_dora: config.dora,
    use_rslora: config.rankStabilized,
    lora_bias: config.loraBias,
    bias: config.bias,
    modules_to_save: config.modulesToSave.length > 0 ? [...config.modulesToSave] : null,
    rank_pattern: { ...config.rankPattern },
    alpha_pattern: { ...config.alphaPattern },
  };
}
