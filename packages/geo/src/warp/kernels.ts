/** How pixels of the source make a pixel of the output. */
export type WarpResampling = "nearest" | "bilinear" | "cubic" | "average";

/** A piece of one band, as numbers; NaN marks what is not valid. */
export interface SourcePiece {
  readonly values: Float32Array | Float64Array;
  /** Upper left pixel and size in the source. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The value at a point of the source's pixel plane; NaN where no valid pixel is near. */
export type PointSampler = (piece: SourcePiece, x: number, y: number) => number;

/** Places this close to a pixel's edge belong to the next pixel: rounding of the transform. As in GDAL. */
const edge = 1e-10;

/** Weights this small are nothing. */
const negligible = 1e-5;

/** The pixel that holds the point. */
export const sampleNearest: PointSampler = (piece, x, y) =>
  valueAt(piece, Math.floor(x + edge), Math.floor(y + edge));

function valueAt({ values, x, y, width, height }: SourcePiece, col: number, row: number): number {
  const inside = col >= x && row >= y && col < x + width && row < y + height;
  return inside ? values[(row - y) * width + col - x]! : Number.NaN;
}

/** The four pixels around the point by their distance; those that are not valid are left out. */
export const sampleBilinear: PointSampler = (piece, x, y) => {
  const col = Math.floor(x - 0.5);
  const row = Math.floor(y - 0.5);
  const right = x - 0.5 - col;
  const lower = y - 0.5 - row;
  let [sum, weight] = [0, 0];
  for (let place = 0; place < 4; place++) {
    const value = valueAt(piece, col + (place & 1), row + (place >> 1));
    if (Number.isNaN(value)) continue;
    const part = (place & 1 ? right : 1 - right) * (place >> 1 ? lower : 1 - lower);
    sum += part * value;
    weight += part;
  }
  return weight < negligible ? Number.NaN : sum / weight;
};

/**
 * Cubic convolution with a = -0.5 (Keys 1981) over 4 x 4 pixels; bilinear where one of them is missing, as GDAL.
 */
export const sampleCubic: PointSampler = (piece, x, y) => {
  const col = Math.floor(x - 0.5);
  const row = Math.floor(y - 0.5);
  const across = x - 0.5 - col;
  const down = y - 0.5 - row;
  const hasAll =
    col - 1 >= piece.x &&
    row - 1 >= piece.y &&
    col + 2 < piece.x + piece.width &&
    row + 2 < piece.y + piece.height;
  if (!hasAll) return sampleBilinear(piece, x, y);
  let sum = 0;
  for (let line = -1; line <= 2; line++) {
    const start = (row + line - piece.y) * piece.width + col - piece.x;
    const [a, b, c, d] = [
      piece.values[start - 1]!,
      piece.values[start]!,
      piece.values[start + 1]!,
      piece.values[start + 2]!,
    ];
    sum += cubicWeight(line - down) * cubicBetween(a, b, c, d, across);
  }
  // One pixel that is not valid makes the sum so.
  return Number.isNaN(sum) ? sampleBilinear(piece, x, y) : sum;
};

const cubicBetween = (a: number, b: number, c: number, d: number, part: number): number =>
  b + 0.5 * part * (c - a + part * (2 * a - 5 * b + 4 * c - d + part * (3 * (b - c) + d - a)));

function cubicWeight(distance: number): number {
  const t = Math.abs(distance);
  if (t < 1) return (1.5 * t - 2.5) * t * t + 1;
  return t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0;
}

const linearWeight = (distance: number): number => Math.max(0, 1 - Math.abs(distance));

/** How far from the point a kernel reaches, in source pixels, before it is stretched. */
export const kernelRadius: Readonly<Record<WarpResampling, number>> = {
  nearest: 0,
  bilinear: 1,
  cubic: 2,
  average: 0,
};

/**
 * A kernel stretched over more pixels where the output is coarser than the source, so that nothing between is missed.
 *
 * @param scaleX output pixels per source pixel along rows, at most 1; `scaleY` alike
 */
export function stretchedSampler(method: "bilinear" | "cubic", scaleX: number, scaleY: number): PointSampler {
  const weightOf = method === "cubic" ? cubicWeight : linearWeight;
  const radiusX = Math.ceil(kernelRadius[method] / scaleX);
  const radiusY = Math.ceil(kernelRadius[method] / scaleY);
  const across = new Float64Array(2 * radiusX);
  return (piece, x, y) => {
    const col = Math.floor(x - 0.5);
    const row = Math.floor(y - 0.5);
    for (let index = 0; index < across.length; index++) {
      across[index] = weightOf((index + 1 - radiusX - (x - 0.5 - col)) * scaleX);
    }
    let [sum, weight] = [0, 0];
    for (let line = 1 - radiusY; line <= radiusY; line++) {
      const part = weightOf((line - (y - 0.5 - row)) * scaleY);
      if (part === 0) continue;
      for (let index = 0; index < across.length; index++) {
        const value = valueAt(piece, col + index + 1 - radiusX, row + line);
        if (Number.isNaN(value)) continue;
        sum += part * across[index]! * value;
        weight += part * across[index]!;
      }
    }
    return weight < negligible ? Number.NaN : sum / weight;
  };
}

/** Mean of the valid pixels in a rectangle of the source, each by the part of it that the rectangle covers. */
export function averageOver(
  piece: SourcePiece,
  left: number,
  top: number,
  right: number,
  bottom: number,
): number {
  const firstCol = Math.max(Math.floor(left + edge), piece.x);
  const firstRow = Math.max(Math.floor(top + edge), piece.y);
  const lastCol = Math.min(Math.ceil(right - edge), piece.x + piece.width) - 1;
  const lastRow = Math.min(Math.ceil(bottom - edge), piece.y + piece.height) - 1;
  let [sum, weight] = [0, 0];
  for (let row = firstRow; row <= lastRow; row++) {
    const tall = Math.min(bottom, row + 1) - Math.max(top, row);
    const start = (row - piece.y) * piece.width - piece.x;
    for (let col = firstCol; col <= lastCol; col++) {
      const value = piece.values[start + col]!;
      if (Number.isNaN(value)) continue;
      const part = tall * (Math.min(right, col + 1) - Math.max(left, col));
      sum += part * value;
      weight += part;
    }
  }
  return weight <= 0 ? Number.NaN : sum / weight;
}
