import { corruptJp2, tooLargeJp2, unsupportedJp2 } from "./jp2_errors.js";
import type { MainHeader } from "./jp2_types.js";

/** What the SIZ segment says. */
export type ImageSize = Pick<
  MainHeader,
  "image" | "tileOrigin" | "tileSize" | "tilesAcross" | "tilesDown" | "componentCount" | "bits" | "isSigned"
>;

/** Larger rasters than this are refused, as in TIFF. */
const maxSide = 2 ** 26;
/** Samples of one tile: the decoder holds about eight bytes of each in a heap of 2 GiB. An untiled 10980 x 10980 band fits. */
const maxTileSamples = 2 ** 27;
/** Tiles are numbered by 16 bits (annex A.4.2). */
const maxTiles = 65_535;

/**
 * Reads the SIZ segment (ISO/IEC 15444-1, annex A.5.1), without marker and length, and checks that it is possible.
 *
 * @throws GlofError `corrupt-file`, `unsupported-feature`, `limit-exceeded`
 */
export function readImageSize(content: Uint8Array<ArrayBuffer>, name: string): ImageSize {
  if (content.length < 39) throw corruptJp2(name, "a size segment that is too short");
  const view = new DataView(content.buffer, content.byteOffset, content.length);
  const number = (index: number): number => view.getUint32(2 + 4 * index);
  const image = { x1: number(0), y1: number(1), x0: number(2), y0: number(3) };
  const tileSize = [number(4), number(5)] as const;
  const tileOrigin = [number(6), number(7)] as const;
  const [across, down] = [
    tilesAlong(image.x0, image.x1, tileOrigin[0], tileSize[0]),
    tilesAlong(image.y0, image.y1, tileOrigin[1], tileSize[1]),
  ];
  if (across === undefined || down === undefined) {
    throw corruptJp2(
      name,
      `tiles of ${tileSize.join(" x ")} at ${tileOrigin.join(", ")} that miss the image`,
    );
  }
  const componentCount = view.getUint16(34);
  if (componentCount === 0 || content.length < 36 + 3 * componentCount) {
    throw corruptJp2(name, `a size segment of ${content.length} bytes for ${componentCount} components`);
  }
  const layout = { image, tileSize, tileOrigin, tilesAcross: across, tilesDown: down };
  checkSizes(layout, componentCount, name);
  return { ...layout, ...readComponents(view, componentCount, name), componentCount };
}

/** Tiles along one axis; `undefined` when the numbers contradict each other (annex B.3). */
function tilesAlong(start: number, end: number, origin: number, size: number): number | undefined {
  const isPossible = size > 0 && start < end && origin <= start && origin + size > start;
  return isPossible ? Math.ceil((end - origin) / size) : undefined;
}

function checkSizes(
  layout: Omit<ImageSize, "componentCount" | "bits" | "isSigned">,
  componentCount: number,
  name: string,
): void {
  const { image, tileSize, tilesAcross, tilesDown } = layout;
  const [width, height] = [image.x1 - image.x0, image.y1 - image.y0];
  if (Math.max(width, height) > maxSide) {
    throw tooLargeJp2(name, `up to ${maxSide} pixels a side`, `${width} x ${height}`);
  }
  if (tilesAcross * tilesDown > maxTiles) {
    throw corruptJp2(name, `${tilesAcross} x ${tilesDown} tiles, more than can be numbered`);
  }
  const [cols, rows] = [Math.min(tileSize[0], width), Math.min(tileSize[1], height)];
  if (cols * rows * componentCount > maxTileSamples) {
    throw tooLargeJp2(
      name,
      `tiles of up to ${maxTileSamples} samples`,
      `${cols} x ${rows} x ${componentCount}`,
    );
  }
}

function readComponents(view: DataView, count: number, name: string): Pick<ImageSize, "bits" | "isSigned"> {
  // The decoder hands out grey and three-colour pictures only.
  if (count !== 1 && count !== 3) throw unsupportedJp2(name, `${count} components`);
  const depth = view.getUint8(36);
  for (let component = 0; component < count; component++) {
    const at = 36 + 3 * component;
    if (view.getUint8(at) !== depth) throw unsupportedJp2(name, "components of different bit depths");
    if (view.getUint8(at + 1) !== 1 || view.getUint8(at + 2) !== 1) {
      throw unsupportedJp2(name, "subsampled components");
    }
  }
  const bits = (depth & 0x7f) + 1;
  if (bits > 16) throw unsupportedJp2(name, `${bits} bits per sample`);
  return { bits, isSigned: depth >= 0x80 };
}
