import type { Checkpoint } from "@glof/checkpoint";
import { silentLogger } from "@glof/core";
import { loadParams, type ParamSpec, type Params } from "@glof/nn";
import { bandsOf, withBands } from "./bands.js";
import type { Dinov2Config } from "./config.js";
import { withExtraBlocks } from "./extra_blocks.js";
import { toOfficialNames } from "./names/official_names.js";
import { recognizeDinov2 } from "./names/recognize.js";
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
  const recognized = recognizeDinov2(checkpoint);
  const official = toOfficialNames(checkpoint, config, recognized);
  const banded = withBands(official, config, {
    fileBands: fileBands ?? bandsOf(official, config),
    seed: options.seed ?? 0,
  });
  const whole = withExtraBlocks(banded, config, specs);
  if (whole !== banded && config.extraBlocks === "all-zero") {
    logger.warn(
      `${config.name}: extraBlocks "all-zero" makes blocks that no gradient can ever reach; "zero-gamma" starts the same and learns.`,
    );
  }
  const { onReport } = options;
  return loadParams(specs, whole, {
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
