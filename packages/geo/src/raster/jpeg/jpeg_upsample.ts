/** A decoded plane; `stride` samples per stored row, of which `width` belong to the picture. */
export interface JpegPlane {
  readonly samples: Uint8Array;
  readonly stride: number;
  readonly width: number;
  readonly height: number;
}

/**
 * The plane's samples in full resolution, `width` by `height`: halved planes by the triangle filter of libjpeg ("fancy
 * upsampling": 3/4 of the nearer sample and 1/4 of the farther one along each halved axis, with its roundings), others by
 * repetition.
 *
 * @param across full-resolution samples per sample along rows; `down` alike
 */
export function upsamplePlane(
  plane: JpegPlane,
  across: number,
  down: number,
  width: number,
  height: number,
): Uint8Array {
  const out = new Uint8Array(width * height);
  // libjpeg's filter needs more than two samples in a row.
  const isSmooth = plane.width > 2 && (across === 2 || (across === 1 && down === 2)) && down <= 2;
  if (!isSmooth) {
    for (let row = 0, at = 0; row < height; row++) {
      const start = Math.floor(row / down) * plane.stride;
      for (let col = 0; col < width; col++) out[at++] = plane.samples[start + Math.floor(col / across)]!;
    }
    return out;
  }
  const line = new Int32Array(plane.width);
  for (let row = 0; row < height; row++) {
    const near = Math.floor(row / down);
    const far = Math.min(
      Math.max(down === 1 ? near : row % 2 === 0 ? near - 1 : near + 1, 0),
      plane.height - 1,
    );
    for (let col = 0; col < plane.width; col++) {
      const nearer = plane.samples[near * plane.stride + col]!;
      line[col] = down === 1 ? nearer : 3 * nearer + plane.samples[far * plane.stride + col]!;
    }
    const target = out.subarray(row * width, (row + 1) * width);
    if (across === 2) smoothLine(line, target, down === 2 ? 4 : 2);
    else for (let col = 0; col < width; col++) target[col] = (line[col]! + (row % 2 === 0 ? 1 : 2)) >> 2;
  }
  return out;
}

/**
 * Doubles a line.
 *
 * @param bits 2 for plain samples; 4 for sums of four parts, as the filter down the columns leaves them
 */
function smoothLine(line: Int32Array, out: Uint8Array, bits: 2 | 4): void {
  // Roundings alternate, so that the error does not lean to one side.
  const [even, odd] = bits === 4 ? [8, 7] : [1, 2];
  const last = line.length - 1;
  for (let col = 0; col < out.length; col++) {
    const here = col >> 1;
    const isOdd = (col & 1) === 1;
    const beside = isOdd ? here + 1 : here - 1;
    const value = line[here]!;
    if (beside < 0 || beside > last) out[col] = bits === 4 ? (4 * value + (isOdd ? 7 : 8)) >> 4 : value;
    else out[col] = (3 * value + line[beside]! + (isOdd ? odd : even)) >> bits;
  }
}
