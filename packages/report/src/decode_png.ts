import { GlofError } from "@glof/core";
import { convertIndexedToRgb, type DecodedPng, decode } from "fast-png";
import { blankCanvas, type Canvas } from "./canvas.js";

/**
 * A PNG as a picture: grey, palette and 16-bit ones become 8-bit RGBA (16-bit values keep their upper byte).
 *
 * @param name of the file, for messages
 * @throws GlofError `corrupt-file`
 */
export function decodePng(bytes: Uint8Array, name = "PNG"): Canvas {
  let png: DecodedPng;
  try {
    png = decode(bytes, { checkCrc: true });
  } catch (cause) {
    throw new GlofError(
      "corrupt-file",
      `decodePng(${name}): expected a PNG, got bytes that cannot be decoded. Get the file again.`,
      { cause },
    );
  }
  return toCanvas(png);
}

function toCanvas(png: DecodedPng): Canvas {
  const { width, height, depth } = png;
  const data = png.palette ? convertIndexedToRgb(png) : depth < 8 ? unpackBits(png) : png.data;
  const channels = data.length / (width * height);
  // Below 8 bits a grey value counts up to 2^depth - 1.
  const scale = png.palette || depth === 8 ? 1 : depth === 16 ? 1 / 256 : 255 / (2 ** depth - 1);
  const canvas = blankCanvas(width, height);
  const isGrey = channels <= 2;
  for (let pixel = 0; pixel < width * height; pixel++) {
    const from = pixel * channels;
    for (let channel = 0; channel < 3; channel++) {
      canvas.rgba[pixel * 4 + channel] = Math.floor(data[from + (isGrey ? 0 : channel)]! * scale);
    }
    if (channels === 2 || channels === 4) {
      canvas.rgba[pixel * 4 + 3] = Math.floor(data[from + channels - 1]! * scale);
    }
  }
  return canvas;
}

/** Grey of 1, 2 or 4 bits: several pixels share a byte, each row starts a new one. */
function unpackBits({ width, height, depth, data }: DecodedPng): Uint8Array {
  const rowBytes = Math.ceil((width * depth) / 8);
  return Uint8Array.from({ length: width * height }, (_, pixel) => {
    const [row, col] = [Math.floor(pixel / width), pixel % width];
    const byte = data[row * rowBytes + Math.floor((col * depth) / 8)]!;
    return (byte >> (8 - depth - ((col * depth) % 8))) & (2 ** depth - 1);
  });
}
