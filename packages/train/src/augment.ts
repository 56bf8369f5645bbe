import { GlofError, type Rng } from "@glof/core";
import type { Chip } from "./chips.js";
import { type Crop, type Placement, squareSymmetries } from "./cut_chip.js";

/** How crops vary in place and shape. */
export interface GeometricAugmentation {
  /** One of the eight flips and quarter turns. Default true. */
  readonly symmetries?: boolean;
  /** Turn by up to this angle either way, degrees. Default 0. */
  readonly rotateDeg?: number;
  /** Ground size of a pixel against the chip's, from and to; 2 sees twice as far. Default [1, 1]. */
  readonly zoom?: readonly [number, number];
}

/** How reflectances vary. Each number is the largest change; 0 (the default) leaves it out. */
export interface RadiometricAugmentation {
  /** Factor of all bands together: 0.2 draws from [0.8, 1.2]. */
  readonly gain?: number;
  /** Factor of each band on its own. */
  readonly bandGain?: number;
  /** Added to all bands, reflectance. Haze and brightness. */
  readonly offset?: number;
  /** Added to each band on its own, reflectance. */
  readonly bandOffset?: number;
  /** Exponent of the reflectance: 0.2 draws from [1/1.2, 1.2], evenly in its logarithm. */
  readonly gamma?: number;
  /** Standard deviation of noise per pixel and band, reflectance; each crop draws its own from [0, noise]. */
  readonly noise?: number;
  /** Bands that stay as they are, such as heights and slopes. Bands that hold directions always do. */
  readonly except?: readonly string[];
}

/** Options of `drawPlacement`. */
export interface PlacementOptions extends GeometricAugmentation {
  readonly cropPx: number;
  /** Place the crop over this pixel (index into the mask) if it is given, else anywhere. */
  readonly overPixel?: number;
}

/** Draws where a crop comes from. A chip smaller than the crop is seen whole, at a random place of the crop. */
export function drawPlacement(chip: Chip, options: PlacementOptions, rng: Rng): Placement {
  const { cropPx, symmetries = true, rotateDeg = 0, zoom = [1, 1], overPixel } = options;
  const [near, far] = zoom;
  if (!(near > 0 && far >= near)) {
    throw new GlofError(
      "bad-argument",
      `drawPlacement: expected zoom [from, to] with 0 < from <= to, got [${zoom}].`,
    );
  }
  const scale = near * (far / near) ** rng.next();
  const turn = (rng.uniform(-rotateDeg, rotateDeg) * Math.PI) / 180;
  const symmetry = squareSymmetries[symmetries ? rng.int(squareSymmetries.length) : 0]!;
  const reach = cropPx * scale;
  const over =
    overPixel === undefined ? undefined : [overPixel % chip.width, Math.floor(overPixel / chip.width)];
  const col = drawStart(chip.width, reach, over?.[0], rng);
  const row = drawStart(chip.height, reach, over?.[1], rng);
  const half = (cropPx - 1) / 2;
  return {
    centreCol: scale === 1 ? col + half : col + (reach - 1) / 2,
    centreRow: scale === 1 ? row + half : row + (reach - 1) / 2,
    matrix: scale === 1 && turn === 0 ? symmetry : turned(symmetry, turn, scale),
  };
}

/** First pixel of a crop of `reach` pixels along one axis, so that it lies inside and covers `over`. */
function drawStart(length: number, reach: number, over: number | undefined, rng: Rng): number {
  const room = length - reach;
  let [low, high] = room >= 0 ? [0, room] : [room, 0];
  if (over !== undefined) {
    low = Math.max(low, over - reach + 1);
    high = Math.max(low, Math.min(high, over));
  }
  const start = low + (high - low + 1) * rng.next();
  return Math.min(Math.floor(start), Math.floor(high));
}

function turned(symmetry: Placement["matrix"], turn: number, scale: number): Placement["matrix"] {
  const [a, b, c, d] = symmetry;
  const cos = Math.cos(turn) * scale;
  const sin = Math.sin(turn) * scale;
  return [cos * a - sin * c, cos * b - sin * d, sin * a + cos * c, sin * b + cos * d];
}

/** Changes reflectances in place, but for bands at `fixed` places. */
export function varyReflectance(
  crop: Crop,
  bandCount: number,
  options: RadiometricAugmentation,
  rng: Rng,
  fixed: ReadonlySet<number> = new Set(),
): void {
  const { gain = 0, bandGain = 0, offset = 0, bandOffset = 0, gamma = 0, noise = 0 } = options;
  const around = (size: number): number => rng.uniform(-size, size);
  const commonGain = 1 + around(gain);
  const commonOffset = around(offset);
  const gains = Array.from({ length: bandCount }, () => commonGain * (1 + around(bandGain)));
  const offsets = Array.from({ length: bandCount }, () => commonOffset + around(bandOffset));
  const exponent = (1 + gamma) ** around(1);
  const noiseStd = rng.uniform(0, noise);
  const { refl } = crop;
  for (let index = 0; index < refl.length; index++) {
    const band = index % bandCount;
    if (fixed.has(band)) continue;
    let value = refl[index]!;
    if (gamma > 0) value = value > 0 ? value ** exponent : value;
    value = value * gains[band]! + offsets[band]!;
    refl[index] = noiseStd > 0 ? value + noiseStd * rng.normal() : value;
  }
}
