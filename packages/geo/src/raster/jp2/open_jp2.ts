import type { RasterBand, RasterDtype, RasterGrid, RasterSource } from "../../types.js";
import type { ByteSource } from "../byte_source.js";
import { reducedGrid } from "../georeference.js";
import type { OpenRasterOptions } from "../raster_format.js";
import { type Extent, type Jp2Boxes, readBoxes } from "./boxes.js";
import { readJp2Georeference } from "./georeference.js";
import { createJp2Source } from "./jp2_source.js";
import type { MainHeader } from "./jp2_types.js";
import { readMainHeader } from "./main_header.js";
import { readPalette } from "./palette.js";
import { createTilePartIndex } from "./tile_parts.js";

/**
 * Opens a JPEG 2000 file: JP2 with GeoJP2 or GMLJP2 georeference, or a bare codestream. A window decodes the tiles it
 * touches and no others, with OpenJPEG compiled to WebAssembly; resolutions that the file keeps are its overviews. One or
 * three components of up to 16 bits. No-data is not part of the format.
 *
 * @throws GlofError `corrupt-file`, `unsupported-feature` (named in the message), `limit-exceeded`
 */
export async function openJp2(bytes: ByteSource, options: OpenRasterOptions): Promise<RasterSource> {
  const boxes = await readBoxes(bytes);
  const header = await readMainHeader(bytes, boxes.codestream, bytes.name);
  const index = createTilePartIndex(bytes, boxes.codestream, header);
  // Without a stated length or an end marker only the tiles show whether the file is whole.
  if (!boxes.isLengthStated && !(await hasEndMarker(bytes, boxes.codestream)))
    await index.walkAll(options.signal);
  const { image } = header;
  const georeference = await readJp2Georeference(boxes, bytes.name);
  const grid = { width: image.x1 - image.x0, height: image.y1 - image.y0, ...georeference };
  const bands = describeBands(boxes, header);
  const shared = { bytes, header, index, bands, options };
  const overviews = reducedLevels(header, grid).map(([level, smaller]) =>
    createJp2Source({ ...shared, level, grid: smaller }),
  );
  const whole = createJp2Source({ ...shared, level: 0, grid });
  return {
    ...whole,
    overviews,
    overviewKind: "averaged",
    async close() {
      for (const source of [whole, ...overviews]) await source.close();
      await bytes.close();
    },
  };
}

async function hasEndMarker(bytes: ByteSource, { offset, length }: Extent): Promise<boolean> {
  if (length < 2) return false;
  const [first, second] = await bytes.read(offset + length - 2, 2);
  return first === 0xff && second === 0xd9;
}

function describeBands(boxes: Jp2Boxes, header: MainHeader): readonly RasterBand[] {
  const colorTable = header.componentCount === 1 ? readPalette(boxes.palette) : undefined;
  const colours = header.componentCount === 3 && boxes.colourSpace === 16 ? rgb : undefined;
  return Array.from({ length: header.componentCount }, (_, band) => ({
    ...{ name: undefined, dtype: dtypeOf(header), nodata: undefined, scale: 1, offset: 0 },
    ...(colorTable !== undefined && { interpretation: "palette" as const, colorTable }),
    ...(colours !== undefined && { interpretation: colours[band]! }),
  }));
}

const rgb = ["red", "green", "blue"] as const;

function dtypeOf({ bits, isSigned }: MainHeader): RasterDtype {
  if (bits <= 8) return isSigned ? "int8" : "uint8";
  return isSigned ? "int16" : "uint16";
}

/**
 * The resolutions that tiles give one by one: those where every tile begins on a whole pixel. Sentinel-2's tiles (1024,
 * 640, 512, 192) allow all five of theirs.
 */
function reducedLevels(header: MainHeader, grid: RasterGrid): [level: number, grid: RasterGrid][] {
  const { image, tileOrigin, tileSize, tilesAcross, tilesDown } = header;
  const starts = [image.x0, image.y0];
  if (tilesAcross > 1) starts.push(tileOrigin[0] + tileSize[0], tileSize[0]);
  if (tilesDown > 1) starts.push(tileOrigin[1] + tileSize[1], tileSize[1]);
  const levels: [number, RasterGrid][] = [];
  for (let level = 1; level <= header.levels; level++) {
    const step = 2 ** level;
    if (!starts.every((start) => start % step === 0)) break;
    const size = { width: Math.ceil(grid.width / step), height: Math.ceil(grid.height / step) };
    levels.push([level, reducedGrid(grid, size)]);
    if (Math.max(size.width, size.height) === 1) break;
  }
  return levels;
}
