import type { Checkpoint } from "@glof/checkpoint";
import { GlofError, seededRng } from "@glof/core";
import { type Dinov2Config, rgbBands } from "./config.js";
import { floatTensor, type MappedTensor, mappedCheckpoint, sameTensor } from "./names/mapped_checkpoint.js";

const weightName = "patch_embed.proj.weight";

/**
 * A checkpoint whose patch embedding takes the model's bands: weights go by name, never by place.
 *
 * Bands that the checkpoint does not hold are made by `config.inflation`:
 * - `mean`: the mean of the checkpoint's bands
 * - `copy-red`: the weights of B04 (of the first band where there is no B04)
 * - `cyclic`: band i takes the checkpoint's band i mod F by place, names put aside; a single band takes the sum of all:
 *   segmentation_models.pytorch's `patch_first_conv`
 * - `random`: drawn with the spread of the checkpoint's weights
 *
 * In the first three all weights are then multiplied by F / C (F bands in the checkpoint, C in the model), so that an
 * image with equal bands gives what it gave before. Where every band is known nothing is scaled.
 *
 * @param fileBands names of the checkpoint's bands, in its order
 * @throws GlofError `parameter-mismatch` when `fileBands` does not fit the file; `unknown-band` for repeated names
 */
export function withBands(
  checkpoint: Checkpoint,
  config: Pick<Dinov2Config, "bands" | "inflation">,
  { fileBands, seed = 0 }: { readonly fileBands: readonly string[]; readonly seed?: number },
): Checkpoint {
  const entry = checkpoint.entries.get(weightName);
  const { bands } = config;
  if (entry?.shape.length !== 4) return checkpoint;
  const [width, fileCount, rows, cols] = entry.shape as [number, number, number, number];
  requireBands(checkpoint.name, fileBands, fileCount);
  if (fileBands.length === bands.length && fileBands.every((band, index) => band === bands[index]))
    return checkpoint;
  const tensors = new Map<string, MappedTensor>(
    [...checkpoint.entries.keys()].map((name) => [name, sameTensor(checkpoint, name, name)]),
  );
  const wanted = { ...entry, shape: [width, bands.length, rows, cols] };
  tensors.set(
    weightName,
    floatTensor(wanted, async () => {
      const values = await checkpoint.readFloat32(weightName);
      return inflate({ values, width, area: rows * cols, fileBands, seed }, config);
    }),
  );
  return mappedCheckpoint(checkpoint, tensors);
}

/** The bands of a checkpoint: its metadata, else red, green, blue for three channels, else the model's own. */
export function bandsOf(checkpoint: Checkpoint, config: Pick<Dinov2Config, "bands">): readonly string[] {
  const { bands } = checkpoint.metadata;
  if (bands) return bands.split(",").map((band) => band.trim());
  return checkpoint.entries.get(weightName)?.shape[1] === 3 ? rgbBands : config.bands;
}

interface PatchWeights {
  /** [D, F, rows, cols] */
  readonly values: Float32Array;
  readonly width: number;
  /** Pixels of a patch. */
  readonly area: number;
  readonly fileBands: readonly string[];
  readonly seed: number;
}

function inflate(
  from: PatchWeights,
  { bands, inflation }: Pick<Dinov2Config, "bands" | "inflation">,
): Float32Array {
  const { values, width, area, fileBands, seed } = from;
  const fileCount = fileBands.length;
  const known = bands.map((band) => fileBands.indexOf(band));
  const isWhole = known.every((index) => index >= 0);
  const scale = isWhole || inflation === "random" ? 1 : fileCount / bands.length;
  const red = Math.max(0, fileBands.indexOf("B04"));
  const rng = seededRng(seed).split("patch_embed");
  const spread =
    inflation === "random" ? Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length) : 0;
  const result = new Float32Array(width * bands.length * area);
  const pixel = (row: number, band: number, at: number): number =>
    values[(row * fileCount + band) * area + at]!;
  const mean = (row: number, at: number): number => {
    let sum = 0;
    for (let band = 0; band < fileCount; band++) sum += pixel(row, band, at);
    return sum / fileCount;
  };
  const weightAt = (row: number, band: number, at: number): number => {
    if (!isWhole && inflation === "cyclic") {
      // The scale below makes the mean of a single band the sum.
      return bands.length === 1 ? mean(row, at) : pixel(row, band % fileCount, at);
    }
    if (known[band]! >= 0) return pixel(row, known[band]!, at);
    if (inflation === "mean") return mean(row, at);
    return inflation === "random" ? rng.normal() * spread : pixel(row, red, at);
  };
  for (let row = 0, to = 0; row < width; row++) {
    for (let band = 0; band < bands.length; band++) {
      for (let at = 0; at < area; at++, to++) result[to] = weightAt(row, band, at) * scale;
    }
  }
  return result;
}

function requireBands(file: string, fileBands: readonly string[], fileCount: number): void {
  if (new Set(fileBands).size !== fileBands.length) {
    throw new GlofError(
      "unknown-band",
      `load(${file}): expected different band names, got ${fileBands.join(", ")}. Correct fileBands.`,
    );
  }
  if (fileBands.length === fileCount) return;
  throw new GlofError(
    "parameter-mismatch",
    `load(${file}): expected names for its ${fileCount} bands, got ${fileBands.join(", ")}. Pass fileBands.`,
    { fileBands, fileCount },
  );
}
