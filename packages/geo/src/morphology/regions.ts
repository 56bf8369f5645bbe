import { GlofError } from "@glof/core";
import { type Connectivity, checkMaskSize, labelComponents } from "../outline/label_components.js";

/** Options of `removeSmallRegions`. */
export interface RemoveSmallRegionsOptions {
  /** Regions with fewer pixels are removed. */
  readonly minPixels: number;
  /** Default 4. */
  readonly connectivity?: Connectivity;
}

/**
 * A copy of a mask without its small regions (sieve): their pixels become 0. All other pixels, no-data included, stay.
 *
 * @param mask `height` rows of `width`; 1 is inside, anything else is not
 * @throws GlofError `shape-mismatch`; `bad-argument` for a negative or missing `minPixels`
 */
export function removeSmallRegions(
  mask: Uint8Array,
  width: number,
  height: number,
  { minPixels, connectivity = 4 }: RemoveSmallRegionsOptions,
): Uint8Array {
  checkMaskSize("removeSmallRegions", mask, width, height);
  if (!(minPixels >= 0)) throw countError("removeSmallRegions", "minPixels", minPixels);
  const { labels, pixelCounts } = labelComponents(mask, width, height, { connectivity });
  return mask.map((value, index) => (value === 1 && pixelCounts[labels[index]!]! < minPixels ? 0 : value));
}

/** Options of `fillHoles`. */
export interface FillHolesOptions {
  /** Larger holes stay open. Default: no limit. */
  readonly maxPixels?: number;
  /** How the regions around the holes hang together, default 4: outside pixels then hang together by corners too. */
  readonly connectivity?: Connectivity;
}

/**
 * A copy of a mask whose holes are filled. A hole is a connected part of the outside that does not reach the raster's
 * edge. Its zeros become 1; no-data pixels in it stay what they are.
 *
 * @param mask `height` rows of `width`; 1 is inside, anything else is not
 * @throws GlofError `shape-mismatch`; `bad-argument` for a negative `maxPixels`
 */
export function fillHoles(
  mask: Uint8Array,
  width: number,
  height: number,
  { maxPixels = Number.POSITIVE_INFINITY, connectivity = 4 }: FillHolesOptions = {},
): Uint8Array {
  checkMaskSize("fillHoles", mask, width, height);
  if (!(maxPixels >= 0)) throw countError("fillHoles", "maxPixels", maxPixels);
  const outside = mask.map((value) => (value === 1 ? 0 : 1));
  const { labels, pixelCounts } = labelComponents(outside, width, height, {
    connectivity: connectivity === 4 ? 8 : 4,
  });
  const isOpen = new Uint8Array(pixelCounts.length);
  for (let x = 0; x < width; x++) {
    isOpen[labels[x]!] = 1;
    isOpen[labels[(height - 1) * width + x]!] = 1;
  }
  for (let y = 0; y < height; y++) {
    isOpen[labels[y * width]!] = 1;
    isOpen[labels[y * width + width - 1]!] = 1;
  }
  return mask.map((value, index) => {
    const label = labels[index]!;
    return value === 0 && isOpen[label] === 0 && pixelCounts[label]! <= maxPixels ? 1 : value;
  });
}

const countError = (where: string, name: string, got: number): GlofError =>
  new GlofError("bad-argument", `${where}: expected ${name} of at least 0, got ${got}. Give a pixel count.`);
