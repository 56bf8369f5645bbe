import { crc32 } from "@glof/core/bytes";
import { zlibSync } from "fflate";
import type { Canvas } from "./canvas.js";

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];

/** Colour types of PNG, section 11.2.2. */
const RGB = 2;
const RGBA = 6;

/** A row's numbers less those of the pixel before; PNG, section 9.2. */
const FILTER_SUB = 1;

/** Level 3 takes a third of the time of level 6, for a picture of the ground a few hundredths larger. */
const LEVEL = 3;

/**
 * A picture as the bytes of a PNG, without an alpha channel where all of it is opaque.
 *
 * By our own hand, because libraries for PNG compress in script: a preview of 1260 x 1260 takes a second of the processor so, and a
 * fifth of that by the zlib of Node, which is what takes most of the time here.
 *
 * Source: PNG specification, third edition (W3C 2025), sections 5, 9 and 11.
 */
export function encodePng(canvas: Canvas): Uint8Array {
  const { width, height, rgba } = canvas;
  const channels = isOpaque(rgba) ? 3 : 4;
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header[8] = 8; // bits a channel
  header[9] = channels === 3 ? RGB : RGBA;
  return joined([
    Uint8Array.from(SIGNATURE),
    chunk("IHDR", header),
    chunk("IDAT", compress(filteredRows(canvas, channels))),
    chunk("IEND", new Uint8Array(0)),
  ]);
}

function isOpaque(rgba: Uint8Array): boolean {
  for (let alpha = 3; alpha < rgba.length; alpha += 4) if (rgba[alpha] !== 255) return false;
  return true;
}

/** Each row as the number of its filter and its filtered bytes. */
function filteredRows({ width, height, rgba }: Canvas, channels: number): Uint8Array {
  const rows = new Uint8Array(height * (1 + width * channels));
  let [to, from] = [0, 0];
  for (let row = 0; row < height; row++) {
    rows[to++] = FILTER_SUB;
    let [red, green, blue, alpha] = [0, 0, 0, 0];
    for (let column = 0; column < width; column++, from += 4) {
      // A Uint8Array keeps differences modulo 256, as the format wants them.
      rows[to++] = rgba[from]! - red;
      rows[to++] = rgba[from + 1]! - green;
      rows[to++] = rgba[from + 2]! - blue;
      red = rgba[from]!;
      green = rgba[from + 1]!;
      blue = rgba[from + 2]!;
      if (channels === 4) {
        rows[to++] = rgba[from + 3]! - alpha;
        alpha = rgba[from + 3]!;
      }
    }
  }
  return rows;
}

/** By Node's zlib where there is one (20.16 and later), else in script: what a browser runs. */
function compress(bytes: Uint8Array): Uint8Array {
  const isNode = typeof process !== "undefined" && typeof process.getBuiltinModule === "function";
  const zlib = isNode ? process.getBuiltinModule("node:zlib") : undefined;
  return zlib ? zlib.deflateSync(bytes, { level: LEVEL }) : zlibSync(bytes, { level: LEVEL });
}

/** Length, type, data, and the checksum of type and data. */
function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  for (let at = 0; at < 4; at++) bytes[4 + at] = type.charCodeAt(at);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
