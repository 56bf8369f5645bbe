/** libjpeg's constants, with 16 bits of fraction. */
const [redOfCr, blueOfCb, greenOfCr, greenOfCb] = [91_881, 116_130, 46_802, 22_554];
const half = 32_768;

const clamp = (value: number): number => Math.min(Math.max(value, 0), 255);

/**
 * Turns JPEG's luma and two colour differences into red, green and blue in place (ITU-T T.871, section 7), with the
 * roundings of libjpeg, as GDAL shows such files.
 *
 * @param pixels Y, Cb, Cr of each pixel side by side
 */
export function ycbcrToRgb(pixels: Uint8Array): void {
  for (let at = 0; at + 2 < pixels.length; at += 3) {
    const luma = pixels[at]!;
    const blue = pixels[at + 1]! - 128;
    const red = pixels[at + 2]! - 128;
    pixels[at] = clamp(luma + ((redOfCr * red + half) >> 16));
    pixels[at + 1] = clamp(luma + ((half - greenOfCb * blue - greenOfCr * red) >> 16));
    pixels[at + 2] = clamp(luma + ((blueOfCb * blue + half) >> 16));
  }
}
