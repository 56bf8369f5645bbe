import type { Checkpoint } from "@glof/checkpoint";
import { silentLogger } from "@glof/core";
import { loadParams, type ParamSpec, type Params } from "@glof/nn";
import { bandsOf, withBands } from "./bands.js";
import type { Dinov2Config } from "./config.js";
import { withExtraBlocks } from "./extra_blocks.js";
import { toOfficialNames } from "./names/official_names.js";
import { type RecognizedDinov2, recognizeDinov2 } from "./names/recognize.js";
import type { Dinov2LoadOptions } from "./types.js";

/**
 * Loads any known checkpoint into a model: names, bands and depth are fitted first, then every name and shape is checked.
 *
 * What lies outside the backbone (training heads and losses) is not loaded; the report lists it as unused.
 */
export async function loadDinov2(
  config: Dinov2Config,
  specs: readonly ParamSpec[],
  checkpoint: Checkpoint,
  { fileBands, logger = silentLogger, ...options }: Dinov2LoadOptions = {},
): Promise<Params> {
  const { fitted, recognized } = fitCheckpoint(config, specs, checkpoint, {
    fileBands,
    logger,
    seed: options.seed,
  });
  const { onReport } = options;
  return loadParams(specs, fitted, {
    ...options,
    // timm drops the mask token, which inference does not use: it starts at zero, as fresh ones do.
    allowMissing: [
      ...(options.allowMissing ?? []),
      ...(recognized.naming === "timm" ? [/^mask_token$/] : []),
    ],
    ...(onReport && {
      onReport: (report) => onReport({ ...report, unused: [...report.unused, ...recognized.outside] }),
    }),
  });
}

/** A checkpoint of any known family under the model's names, with its bands and its depth. */
export function fitCheckpoint(
  config: Dinov2Config,
  specs: readonly ParamSpec[],
  checkpoint: Checkpoint,
  { fileBands, logger = silentLogger, seed = 0 }: Pick<Dinov2LoadOptions, "fileBands" | "logger" | "seed">,
): { readonly fitted: Checkpoint; readonly recognized: RecognizedDinov2 } {
  const recognized = recognizeDinov2(checkpoint);
  const official = toOfficialNames(checkpoint, config, recognized);
  const banded = withBands(official, config, { fileBands: fileBands ?? bandsOf(official, config), seed });
  const fitted = withExtraBlocks(banded, config, specs);
  if (fitted !== banded && config.extraBlocks === "all-zero") {
    logger.warn(
      `${config.name}: extraBlocks "all-zero" makes blocks that no gradient can ever reach; "zero-gamma" starts the same and learns.`,
    );
  }
  return { fitted, recognized };
}
