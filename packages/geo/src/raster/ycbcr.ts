/**
 * Turns JPEG's luma and two colour differences into red, green and blue in place (ITU-T T.871, section 7), as GDAL shows
 * such files.
 *
 * @param pixels Y, Cb, Cr of each pixel side by side
 */
export function ycbcrToRgb(pixels: Uint8Array): void {
  const clamped = new Uint8ClampedArray(pixels.buffer, pixels.byteOffset, pixels.length);
  for (let at = 0; at + 2 < pixels.length; at += 3) {
    const luma = pixels[at]!;
    const blue = pixels[at + 1]! - 128;
    const red = pixels[at + 2]! - 128;
    clamped[at] = luma + 1.402 * red;
    clamped[at + 1] = luma - 0.344136 * blue - 0.714136 * red;
    clamped[at + 2] = luma + 1.772 * blue;
  }
}
