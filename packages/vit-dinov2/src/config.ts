import { GlofError } from "@glof/core";

/** How weights for bands that a checkpoint does not hold are made. See `withBands`. */
export type BandInflation = "mean" | "copy-red" | "cyclic" | "random";

/** How blocks above `baseDepth` begin. See `withExtraBlocks`. */
export type ExtraBlocks = "zero-gamma" | "zero-proj" | "all-zero";

/** Everything that defines a DINOv2 model. Sizes in pixels are of the image given to `forward`. */
export interface Dinov2Config {
  /** Shown in messages; `dinov2_vits14` and so on for the official ones. */
  readonly name: string;
  /** D, a multiple of `heads`. */
  readonly embedDim: number;
  /** L, blocks in all. */
  readonly depth: number;
  /** A, attention heads. */
  readonly heads: number;
  /** Hidden width of the MLP over D (for `swiglu` before the two thirds). Default 4. */
  readonly mlpRatio: number;
  /** Default "mlp" (GELU). "swiglu" is ViT-g's. */
  readonly ffn: "mlp" | "swiglu";
  /** Side of a patch. Default 14. */
  readonly patchSizePx: number;
  /** Side of the square that the position embedding was trained on. Default 518. */
  readonly imageSizePx: number;
  /** Names of the input channels, in their order. Default red, green, blue: `["B04", "B03", "B02"]`. */
  readonly bands: readonly string[];
  /** R, register tokens. Default 0. */
  readonly registers: number;
  /** Added to the grid when the position embedding is interpolated by factor; 0 interpolates by size. Default 0.1. */
  readonly positionOffset: number;
  /** Antialias that interpolation. Default false. */
  readonly positionAntialias: boolean;
  /** Default true, as are the two below. */
  readonly qkvBias: boolean;
  readonly projBias: boolean;
  readonly ffnBias: boolean;
  /** First value of LayerScale's gamma; null leaves LayerScale out. Default 1, as the hub builds its models. */
  readonly layerScale: number | null;
  /** Rate of stochastic depth at the last block, growing linearly from 0 at the first. Default 0. */
  readonly dropPathRate: number;
  /** That rate at every block, as the original's own training has it. Default false. */
  readonly dropPathUniform: boolean;
  /** Blocks that a checkpoint is expected to hold; those from there to `depth` are added. Default `depth`. */
  readonly baseDepth: number;
  /** Default "zero-gamma". */
  readonly extraBlocks: ExtraBlocks;
  /** Default "mean". */
  readonly inflation: BandInflation;
}

/** A config as a caller writes it: what has no default must be given. */
export type Dinov2Options = Pick<Dinov2Config, "embedDim" | "depth" | "heads"> & Partial<Dinov2Config>;

/** The channels of the official checkpoints, by the names that Sentinel-2 gives red, green and blue. */
export const rgbBands: readonly string[] = ["B04", "B03", "B02"];

/** Defaults of `buildDinov2`. */
export const dinov2Defaults = {
  name: "dinov2",
  mlpRatio: 4,
  ffn: "mlp",
  patchSizePx: 14,
  imageSizePx: 518,
  bands: rgbBands,
  registers: 0,
  positionOffset: 0.1,
  positionAntialias: false,
  qkvBias: true,
  projBias: true,
  ffnBias: true,
  layerScale: 1,
  dropPathRate: 0,
  dropPathUniform: false,
  extraBlocks: "zero-gamma",
  inflation: "mean",
} as const satisfies Partial<Dinov2Config>;

/** Twenty-five times those of ViT-g. */
const mostBlocks = 1000;

/**
 * Fills in defaults and checks.
 *
 * @throws GlofError `bad-config` naming the field
 */
export function toDinov2Config(options: Dinov2Options): Dinov2Config {
  // A field that is present but undefined takes its default too.
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const config = { ...dinov2Defaults, baseDepth: options.depth, ...(given as Dinov2Options) } as Dinov2Config;
  for (const field of ["embedDim", "depth", "heads", "patchSizePx", "imageSizePx", "baseDepth"] as const) {
    requireField(
      config,
      field,
      Number.isSafeInteger(config[field]) && config[field] > 0,
      "a whole number above 0",
    );
  }
  // Each block makes a dozen specs: a config from a file must not make them without end.
  requireField(config, "depth", config.depth <= mostBlocks, `at most ${mostBlocks}`);
  requireField(
    config,
    "heads",
    config.embedDim % config.heads === 0,
    `a divisor of embedDim ${config.embedDim}`,
  );
  requireField(config, "imageSizePx", config.imageSizePx >= config.patchSizePx, "at least one patch");
  requireField(config, "mlpRatio", config.mlpRatio > 0, "a number above 0");
  requireField(
    config,
    "registers",
    Number.isSafeInteger(config.registers) && config.registers >= 0,
    "0 or more",
  );
  requireField(config, "bands", Array.isArray(config.bands), "a list");
  requireField(config, "bands", config.bands.length > 0, "at least one band");
  requireField(config, "bands", new Set(config.bands).size === config.bands.length, "different names");
  requireField(config, "baseDepth", config.baseDepth <= config.depth, `at most depth ${config.depth}`);
  requireField(config, "positionOffset", config.positionOffset >= 0, "0 or more");
  requireField(
    config,
    "dropPathRate",
    config.dropPathRate >= 0 && config.dropPathRate < 1,
    "a rate in [0, 1)",
  );
  const needsGamma = config.baseDepth < config.depth && config.extraBlocks === "zero-gamma";
  requireField(
    config,
    "extraBlocks",
    !needsGamma || config.layerScale !== null,
    '"zero-proj" without LayerScale',
  );
  return config;
}

function requireField(
  config: Dinov2Config,
  field: keyof Dinov2Config,
  sound: boolean,
  expected: string,
): void {
  if (sound) return;
  throw new GlofError(
    "bad-config",
    `buildDinov2(${config.name}): expected ${field} to be ${expected}, got ${JSON.stringify(config[field])}. Correct the config.`,
    { field, value: config[field] },
  );
}

/** Hidden width of the feed-forward layer. SwiGLU takes two thirds, rounded up to a multiple of 8. */
export function ffnHidden({
  embedDim,
  mlpRatio,
  ffn,
}: Pick<Dinov2Config, "embedDim" | "mlpRatio" | "ffn">): number {
  const hidden = Math.trunc(embedDim * mlpRatio);
  return ffn === "mlp" ? hidden : Math.floor((Math.trunc((hidden * 2) / 3) + 7) / 8) * 8;
}

/** Side of the grid of the stored position embedding, in patches. */
export const trainedGrid = ({ imageSizePx, patchSizePx }: Dinov2Config): number =>
  Math.floor(imageSizePx / patchSizePx);
