import type { ByteSource } from "../byte_source.js";
import { corruptJp2, tooLargeJp2 } from "./jp2_errors.js";

/** A part of a file. */
export interface Extent {
  readonly offset: number;
  readonly length: number;
}

/** What a JP2 file holds, as far as a raster needs it. */
export interface Jp2Boxes {
  readonly codestream: Extent;
  /** False when the file states no length, so that a cut-off file looks like a whole one. */
  readonly isLengthStated: boolean;
  /** Contents of GeoJP2 boxes: GeoTIFFs of one pixel that carry the georeference. */
  readonly geoTiffs: readonly Uint8Array<ArrayBuffer>[];
  /** Texts of the XML boxes in association boxes (GMLJP2, OGC 05-047r3). */
  readonly gml: readonly string[];
  /** Content of the palette box, if there is one. */
  readonly palette: Uint8Array<ArrayBuffer> | undefined;
  /** Enumerated colour space of the first colour box that has one: 16 sRGB, 17 grey, 18 sYCC. */
  readonly colourSpace: number | undefined;
}

interface Box extends Extent {
  readonly type: string;
  /** Where the next one begins. */
  readonly end: number;
  readonly isLengthStated: boolean;
}

/** Boxes at the top of a file: a few; products with many metadata boxes have dozens. */
const maxBoxes = 4_096;
/** Metadata boxes larger than this are passed over. */
const maxMetadataBytes = 16 * 2 ** 20;
/** Association boxes stand in each other twice in GMLJP2. */
const maxDepth = 16;
const geoJp2 = "b14bf8bd083d4b43a5ae8cd7d5a6ce03";

/** Whether a file begins as a JP2 file or as a bare JPEG 2000 codestream. */
export function isJp2Start(start: Uint8Array): boolean {
  return [jp2Signature, codestreamStart].some((signature) =>
    signature.every((byte, index) => start[index] === byte),
  );
}

const jp2Signature = [0, 0, 0, 12, 0x6a, 0x50, 0x20, 0x20, 0x0d, 0x0a, 0x87, 0x0a];
const codestreamStart = [0xff, 0x4f, 0xff, 0x51];

/**
 * Reads the boxes of a JP2 file (ISO/IEC 15444-1, annex I); a bare codestream is one extent. Boxes behind the codestream
 * count as well: GDAL can put the georeference there. Only box headers and metadata are read.
 *
 * @throws GlofError `corrupt-file` for boxes that leave the file, or no codestream; `limit-exceeded` for thousands of boxes
 */
export async function readBoxes(bytes: ByteSource): Promise<Jp2Boxes> {
  const found = emptyMetadata();
  if ((await bytes.read(0, 1))[0] === 0xff) {
    return { ...found, codestream: { offset: 0, length: bytes.size }, isLengthStated: false };
  }
  let codestream: Box | undefined;
  let at = 0;
  for (let count = 0; at < bytes.size; count++) {
    if (count === maxBoxes) throw tooLargeJp2(bytes.name, `up to ${maxBoxes} boxes`, "more");
    const header = await bytes.read(at, Math.min(16, bytes.size - at));
    const box = boxAt(header, 0, at, bytes.size, bytes.name);
    if (box.type === "jp2c") codestream ??= box;
    else if (["uuid", "jp2h", "asoc"].includes(box.type) && box.length <= maxMetadataBytes) {
      collect(await bytes.read(box.offset, box.length), box.type, found, bytes.name, 0);
    }
    at = box.end;
  }
  if (codestream === undefined) throw corruptJp2(bytes.name, "no codestream in it (cut off?)");
  return { ...found, codestream, isLengthStated: codestream.isLengthStated };
}

interface Metadata {
  readonly geoTiffs: Uint8Array<ArrayBuffer>[];
  readonly gml: string[];
  palette: Uint8Array<ArrayBuffer> | undefined;
  colourSpace: number | undefined;
}

const emptyMetadata = (): Metadata => ({
  geoTiffs: [],
  gml: [],
  palette: undefined,
  colourSpace: undefined,
});

/** Takes what is wanted from the content of a box, and from the boxes in it. */
function collect(
  content: Uint8Array<ArrayBuffer>,
  type: string,
  found: Metadata,
  name: string,
  depth: number,
): void {
  if (type === "uuid" && hexOf(content.subarray(0, 16)) === geoJp2) found.geoTiffs.push(content.slice(16));
  else if (type === "pclr") found.palette ??= content.slice();
  else if (type === "colr" && content[0] === 1 && content.length >= 7) {
    found.colourSpace ??= new DataView(content.buffer, content.byteOffset).getUint32(3);
  } else if (type === "xml " && depth > 0) found.gml.push(new TextDecoder().decode(content));
  if (type !== "jp2h" && type !== "asoc") return;
  if (depth === maxDepth) throw corruptJp2(name, `boxes nested more than ${maxDepth} deep`);
  for (let at = 0; at < content.length; ) {
    const box = boxAt(content, at, at, content.length, name);
    collect(content.subarray(box.offset, box.offset + box.length), box.type, found, name, depth + 1);
    at = box.end;
  }
}

/** The box whose header stands at `place` of `header`; its own place is `at`, and it must end by `limit`. */
function boxAt(header: Uint8Array, place: number, at: number, limit: number, name: string): Box {
  const view = new DataView(header.buffer, header.byteOffset + place, header.length - place);
  if (view.byteLength < 8) throw corruptJp2(name, `${view.byteLength} bytes where a box should begin`);
  const stated = view.getUint32(0);
  const isLong = stated === 1;
  if (isLong && view.byteLength < 16) throw corruptJp2(name, "a box header that is cut off");
  const headerBytes = isLong ? 16 : 8;
  const whole = isLong ? Number(view.getBigUint64(8)) : stated === 0 ? limit - at : stated;
  const type = String.fromCharCode(...header.subarray(place + 4, place + 8));
  if (whole < headerBytes || at + whole > limit) {
    const shown = /^[\x20-\x7e]{4}$/.test(type) ? ` (${type.trim()})` : "";
    throw corruptJp2(
      name,
      `a box${shown} of ${whole} bytes at ${at}, where ${limit - at} are left (cut off?)`,
    );
  }
  return {
    type,
    offset: at + headerBytes,
    length: whole - headerBytes,
    end: at + whole,
    isLengthStated: stated !== 0,
  };
}

const hexOf = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
