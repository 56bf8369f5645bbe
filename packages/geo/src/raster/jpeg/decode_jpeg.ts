import { type JpegBits, openJpegBits } from "./jpeg_bits.js";
import {
  type HuffmanTable,
  type JpegFrame,
  type JpegScan,
  type JpegState,
  newJpegState,
  readSegments,
  zigzag,
} from "./jpeg_headers.js";
import { inverseDct } from "./jpeg_idct.js";
import { type JpegPlane, upsamplePlane } from "./jpeg_upsample.js";

/** The block a picture must fit into. */
export interface JpegTarget {
  readonly cols: number;
  readonly rows: number;
  readonly samples: number;
}

/**
 * Decodes an 8-bit sequential JPEG picture (ITU-T T.81, baseline and extended) as libjpeg does with its defaults, bit by
 * bit: the values that GDAL gives.
 *
 * @param tables tables shared by the blocks of a TIFF (`JPEGTables`); empty for none
 * @param target size of the block; the picture may be smaller, and the rest is zero
 * @returns samples of a pixel side by side, colours not yet converted; `undefined` for progressive, lossless, arithmetic
 *   and 12-bit coding, which are others' business
 * @throws Error for broken pictures
 */
export function decodeJpeg(
  bytes: Uint8Array,
  tables: Uint8Array,
  target: JpegTarget,
): Uint8Array<ArrayBuffer> | undefined {
  const state = newJpegState();
  readSegments(tables, 0, state);
  let scan = readSegments(bytes, 0, state);
  const { frame } = state;
  if (frame === undefined || scan === undefined) throw new Error("a JPEG block without a picture");
  if (frame.width > target.cols || frame.height > target.rows || frame.components.length !== target.samples) {
    throw new Error(
      `a JPEG picture of ${frame.width} x ${frame.height} x ${frame.components.length} in a block of ${target.cols} x ${target.rows} x ${target.samples}`,
    );
  }
  // Only now: whoever decodes it instead must not meet a picture that is far larger than the block.
  if (state.otherCoding) return undefined;
  const planes = allocatePlanes(frame);
  // One scan with all planes, or one for each.
  for (let scans = 0; scan !== undefined && scans < frame.components.length; scans++) {
    const bits = openJpegBits(bytes, scan.start);
    decodeScan(state, frame, scan, planes, bits);
    scan = readSegments(bytes, bits.position(), state);
  }
  return interleave(frame, planes, target);
}

interface Sampling {
  readonly most: readonly [across: number, down: number];
  readonly mcusAcross: number;
  readonly mcusDown: number;
}

function samplingOf({ width, height, components }: JpegFrame): Sampling {
  const across = Math.max(...components.map((component) => component.across));
  const down = Math.max(...components.map((component) => component.down));
  return {
    most: [across, down],
    mcusAcross: Math.ceil(width / (8 * across)),
    mcusDown: Math.ceil(height / (8 * down)),
  };
}

function allocatePlanes(frame: JpegFrame): JpegPlane[] {
  const { most, mcusAcross, mcusDown } = samplingOf(frame);
  return frame.components.map(({ across, down }) => {
    const stride = 8 * across * mcusAcross;
    return {
      stride,
      samples: new Uint8Array(stride * 8 * down * mcusDown),
      width: Math.ceil((frame.width * across) / most[0]),
      height: Math.ceil((frame.height * down) / most[1]),
    };
  });
}

/** What decoding the blocks of one plane needs. */
interface PlaneDecoder {
  readonly plane: JpegPlane;
  readonly across: number;
  readonly down: number;
  readonly dc: HuffmanTable;
  readonly ac: HuffmanTable;
  readonly quant: Uint16Array;
  /** The last block's mean, from which the next differs. */
  predicted: number;
}

function decodeScan(
  state: JpegState,
  frame: JpegFrame,
  scan: JpegScan,
  planes: readonly JpegPlane[],
  bits: JpegBits,
): void {
  const decoders = scan.components.map(({ id, dc, ac }): PlaneDecoder => {
    const index = frame.components.findIndex((component) => component.id === id);
    const component = frame.components[index];
    const tables = { dc: state.dc[dc], ac: state.ac[ac], quant: state.quant[component?.quantTable ?? 0] };
    if (component === undefined || !tables.dc || !tables.ac || !tables.quant) {
      throw new Error("a JPEG scan without its tables");
    }
    const { across, down } = component;
    return {
      plane: planes[index]!,
      across,
      down,
      dc: tables.dc,
      ac: tables.ac,
      quant: tables.quant,
      predicted: 0,
    };
  });
  const { mcusAcross, mcusDown } = samplingOf(frame);
  const alone = decoders.length === 1 ? decoders[0] : undefined;
  // A plane that is alone in its scan stops at its own edge (A.2.2); together they come in whole units.
  const unitsAcross = alone === undefined ? mcusAcross : Math.ceil(alone.plane.width / 8);
  const unitsDown = alone === undefined ? mcusDown : Math.ceil(alone.plane.height / 8);
  for (let unit = 0; unit < unitsAcross * unitsDown; unit++) {
    if (unit > 0 && state.restartInterval > 0 && unit % state.restartInterval === 0) {
      bits.restart();
      for (const decoder of decoders) decoder.predicted = 0;
    }
    const [row, col] = [Math.floor(unit / unitsAcross), unit % unitsAcross];
    for (const decoder of decoders) {
      const [across, down] = alone === undefined ? [decoder.across, decoder.down] : [1, 1];
      for (let block = 0; block < across * down; block++) {
        const y = row * down + Math.floor(block / across);
        decodeBlock(decoder, bits, 8 * (y * decoder.plane.stride + col * across + (block % across)));
      }
    }
  }
}

const coefficients = new Int32Array(64);

function decodeBlock(decoder: PlaneDecoder, bits: JpegBits, start: number): void {
  const { quant, plane } = decoder;
  coefficients.fill(0);
  decoder.predicted += bits.signed(bits.symbol(decoder.dc) & 15);
  coefficients[0] = decoder.predicted * quant[0]!;
  for (let k = 1; k < 64; k++) {
    const symbol = bits.symbol(decoder.ac);
    const size = symbol & 15;
    if (size === 0) {
      if (symbol !== 0xf0) break;
      k += 15;
      continue;
    }
    k += symbol >> 4;
    const value = bits.signed(size);
    if (k > 63) break;
    const place = zigzag[k]!;
    coefficients[place] = value * quant[place]!;
  }
  inverseDct(coefficients, plane.samples, start, plane.stride);
}

function interleave(
  frame: JpegFrame,
  planes: readonly JpegPlane[],
  { cols, rows, samples }: JpegTarget,
): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(cols * rows * samples);
  const { most } = samplingOf(frame);
  planes.forEach((plane, sample) => {
    const { across, down } = frame.components[sample]!;
    const full = upsamplePlane(plane, most[0] / across, most[1] / down, frame.width, frame.height);
    for (let row = 0; row < frame.height; row++) {
      let target = row * cols * samples + sample;
      for (let col = 0; col < frame.width; col++, target += samples)
        out[target] = full[row * frame.width + col]!;
    }
  });
  return out;
}
