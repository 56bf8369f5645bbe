import { GlofError } from "@glof/core";

/** One labelled image. */
export interface Chip {
  /** Shown in messages, such as the file name. */
  readonly id: string;
  /** Names of the bands, in the order of `refl`. */
  readonly bands: readonly string[];
  readonly width: number;
  readonly height: number;
  /** Reflectances, [height, width, bands] row by row; NaN where there is none. */
  readonly refl: Float32Array;
  /** 1 lake, 0 other, 255 does not count; [height, width]. */
  readonly mask: Uint8Array;
  /** Where it comes from: validation is also scored by group. */
  readonly group?: string;
  /** How often it is drawn, against the others. Default 1. */
  readonly weight?: number;
}

/** Chips of the same bands in the same order, ready to be cut. */
export interface ChipSet {
  readonly bands: readonly string[];
  readonly chips: readonly Chip[];
}

/**
 * Gathers chips, picks bands by name, and marks pixels without reflectance as 255.
 *
 * Reading files is the caller's part: pass chips as a list, or as an async iterable that loads them one by one.
 *
 * @param options.bands names in the wanted order; default those of the first chip
 * @throws GlofError `bad-argument` for no chips or a mask value other than 0, 1, 255; `missing-band`;
 *   `shape-mismatch` where array lengths do not fit
 */
export async function openChipSet(
  chips: Iterable<Chip> | AsyncIterable<Chip>,
  options: { readonly bands?: readonly string[] } = {},
): Promise<ChipSet> {
  const gathered: Chip[] = [];
  let bands = options.bands;
  for await (const chip of chips) {
    bands ??= chip.bands;
    gathered.push(withBands(checked(chip), bands));
  }
  if (bands === undefined) {
    throw new GlofError(
      "bad-argument",
      "openChipSet: expected at least one chip, got none. Check the folder.",
    );
  }
  return { bands, chips: gathered };
}

/** Mean and standard deviation of each band. */
export interface BandStatistics {
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** Reflectance is clipped to this before it is standardised, as the bundle's config says. Default: not clipped. */
  readonly clip?: readonly [low: number, high: number];
}

/** Mean and standard deviation of each band over all pixels with a reflectance, labelled or not. */
export function bandStatistics({ bands, chips }: ChipSet): BandStatistics {
  const count = bands.map(() => 0);
  const sum = bands.map(() => 0);
  const squares = bands.map(() => 0);
  for (const { refl } of chips) {
    for (let index = 0; index < refl.length; index++) {
      const value = refl[index]!;
      if (Number.isNaN(value)) continue;
      const band = index % bands.length;
      count[band]!++;
      sum[band]! += value;
      squares[band]! += value * value;
    }
  }
  const mean = sum.map((total, band) => total / count[band]!);
  const std = squares.map((total, band) => Math.sqrt(Math.max(0, total / count[band]! - mean[band]! ** 2)));
  return { mean, std };
}

function checked(chip: Chip): Chip {
  const { id, bands, width, height, refl, mask } = chip;
  const pixels = width * height;
  if (refl.length !== pixels * bands.length || mask.length !== pixels) {
    throw new GlofError(
      "shape-mismatch",
      `openChipSet: expected ${pixels} x ${bands.length} reflectances and ${pixels} mask values in chip ${id} ` +
        `(${width} x ${height}), got ${refl.length} and ${mask.length}. Check how it was read.`,
      { id },
    );
  }
  const odd = mask.find((value) => value !== 0 && value !== 1 && value !== 255);
  if (odd === undefined) return chip;
  throw new GlofError(
    "bad-argument",
    `openChipSet: expected mask values 0, 1 or 255 in chip ${id}, got ${odd}. Map the labels first.`,
    { id, value: odd },
  );
}

function withBands(chip: Chip, bands: readonly string[]): Chip {
  const columns = bands.map((band) => chip.bands.indexOf(band));
  const missing = bands.filter((_, index) => columns[index] === -1);
  if (missing.length > 0) {
    throw new GlofError(
      "missing-band",
      `openChipSet: expected bands ${bands.join(", ")} in chip ${chip.id}, got ${chip.bands.join(", ")}. ` +
        "Leave the chip out or train on fewer bands.",
      { id: chip.id, missing },
    );
  }
  const pixels = chip.width * chip.height;
  const refl = new Float32Array(pixels * bands.length);
  const mask = chip.mask.slice();
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let band = 0; band < bands.length; band++) {
      const value = chip.refl[pixel * chip.bands.length + columns[band]!]!;
      refl[pixel * bands.length + band] = value;
      if (!Number.isFinite(value)) mask[pixel] = 255;
    }
  }
  for (let index = 0; index < refl.length; index++)
    if (!Number.isFinite(refl[index]!)) refl[index] = Number.NaN;
  return { ...chip, bands, refl, mask };
}
