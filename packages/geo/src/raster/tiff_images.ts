import { isGlofError } from "@glof/core";
import type { TiffFile } from "./tiff_file.js";
import { readTiffLayout, type TiffLayout } from "./tiff_layout.js";

/** One image of a TIFF: its tags and how its pixels lie. */
export interface TiffImage {
  readonly file: TiffFile;
  readonly layout: TiffLayout;
}

/** The images that belong to the first one. */
export interface RelatedImages {
  /** The same picture at lower resolutions, finest first. */
  readonly overviews: readonly TiffImage[];
  /** One band of the first image's size: not zero where its pixels are valid. */
  readonly mask: TiffImage | undefined;
}

/**
 * Sorts the directories behind the first by their `NewSubfileType` (TIFF 6.0, section 8): bit 0 marks a lower resolution,
 * bit 2 a mask; other pages are other pictures. The raster is whole without them, so those that cannot be read, or do not
 * fit the first image, are left out.
 */
export async function relatedImages(first: TiffImage, name: string): Promise<RelatedImages> {
  const overviews: TiffImage[] = [];
  let mask: TiffImage | undefined;
  for (let file = await nextOrNone(first.file); file !== undefined; file = await nextOrNone(file)) {
    const kind = subfileKind(file);
    if (kind === "page") continue;
    const layout = layoutOrNone(file, name);
    if (layout === undefined) continue;
    if (kind === "mask") {
      const isFitting = layout.width === first.layout.width && layout.height === first.layout.height;
      if (isFitting && layout.bandCount === 1) mask ??= { file, layout };
    } else if (kind === "overview" && isReduction(first.layout, layout)) overviews.push({ file, layout });
  }
  overviews.sort((a, b) => b.layout.width - a.layout.width || b.layout.height - a.layout.height);
  return { overviews, mask };
}

/** Every directory from `file` on that is a lower resolution of `first`: an external `.ovr` file holds nothing else. */
export async function externalOverviews(
  first: TiffLayout,
  file: TiffFile,
  name: string,
): Promise<readonly TiffImage[]> {
  const overviews: TiffImage[] = [];
  for (let at: TiffFile | undefined = file; at !== undefined; at = await nextOrNone(at)) {
    const layout = layoutOrNone(at, name);
    const isOverview = subfileKind(at) !== "mask" && subfileKind(at) !== "overview of mask";
    if (isOverview && layout !== undefined && isReduction(first, layout)) {
      overviews.push({ file: at, layout });
    }
  }
  return overviews.sort((a, b) => b.layout.width - a.layout.width);
}

function subfileKind(file: TiffFile): "overview" | "mask" | "overview of mask" | "page" {
  const type = Number(file.tag("NewSubfileType") ?? 0);
  const isReduced = (type & 1) !== 0 || Number(file.tag("SubfileType") ?? 0) === 2;
  const isMask = (type & 4) !== 0 || Number(file.tag("PhotometricInterpretation") ?? 1) === 4;
  if (isMask) return isReduced ? "overview of mask" : "mask";
  return isReduced ? "overview" : "page";
}

const isReduction = (whole: TiffLayout, part: TiffLayout): boolean =>
  part.bandCount === whole.bandCount &&
  part.dtype === whole.dtype &&
  part.width <= whole.width &&
  part.height <= whole.height &&
  part.width * part.height < whole.width * whole.height;

async function nextOrNone(file: TiffFile): Promise<TiffFile | undefined> {
  try {
    return await file.next();
  } catch (error) {
    if (isGlofError(error, "corrupt-file")) return undefined;
    throw error;
  }
}

function layoutOrNone(file: TiffFile, name: string): TiffLayout | undefined {
  try {
    return readTiffLayout(file, name);
  } catch (error) {
    if (isGlofError(error)) return undefined;
    throw error;
  }
}
