import type { SeededRng } from "./rng.js";

/** Numbers at which sizes, counts and offsets go wrong. */
const interesting: readonly bigint[] = [
  ...[0n, 1n, 2n, 3n, 7n, 8n, 16n, 63n, 64n, 100n, 127n, 128n, 255n, 256n, 1023n, 4096n],
  ...[32_767n, 32_768n, 65_535n, 65_536n, 100_000n, 0xff_ffffn, 0x7fff_ffffn, 0x8000_0000n, 0xffff_fffen],
  ...[0xffff_ffffn, 0x1_0000_0000n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n - 8n],
];

/** Longest input made: growth is for parsers that loop, not for disks. */
const maxBytes = 1 << 20;

type Change = (bytes: Uint8Array, rng: SeededRng, other: Uint8Array) => Uint8Array;

/**
 * Damages bytes in one to a few places. Structure lies mostly at the two ends of files, so half of the places do.
 *
 * @param other another sound input, to take pieces from
 */
export function mutateBytes(bytes: Uint8Array, rng: SeededRng, other: Uint8Array): Uint8Array {
  // Not slice(): that of a Buffer is a view, and the sound input would be damaged with it.
  let result: Uint8Array = Uint8Array.from(bytes);
  const rounds = 1 + Math.floor(-Math.log2(1 - rng.next()));
  for (let round = 0; round < Math.min(rounds, 12); round++) {
    if (result.length === 0) return other.slice(0, rng.int(64));
    result = changes[rng.int(changes.length)]!(result, rng, other);
  }
  return result.length > maxBytes ? result.slice(0, maxBytes) : result;
}

function place(length: number, rng: SeededRng): number {
  const edge = Math.min(length, 512);
  const kind = rng.int(4);
  if (kind === 0) return rng.int(edge);
  return kind === 1 ? length - 1 - rng.int(edge) : rng.int(length);
}

/** Mostly short. */
const span = (limit: number, rng: SeededRng): number => Math.floor(limit * rng.next() ** 6);

function setInteger(bytes: Uint8Array, at: number, width: number, value: bigint, little: boolean): void {
  for (let index = 0; index < width && at + index < bytes.length; index++) {
    const shift = BigInt(8 * (little ? index : width - 1 - index));
    bytes[at + index] = Number((value >> shift) & 0xffn);
  }
}

function getInteger(bytes: Uint8Array, at: number, width: number, little: boolean): bigint {
  let value = 0n;
  for (let index = 0; index < width; index++) {
    const byte = bytes[at + (little ? width - 1 - index : index)] ?? 0;
    value = (value << 8n) | BigInt(byte);
  }
  return value;
}

const flipBit: Change = (bytes, rng) => {
  bytes[place(bytes.length, rng)]! ^= 1 << rng.int(8);
  return bytes;
};

const setByte: Change = (bytes, rng) => {
  const value = rng.int(3) === 0 ? [0, 1, 0x7f, 0x80, 0xff][rng.int(5)]! : rng.int(256);
  bytes[place(bytes.length, rng)] = value;
  return bytes;
};

const setNumber: Change = (bytes, rng) => {
  const width = [2, 4, 4, 8][rng.int(4)]!;
  // Numbers lie aligned more often than not.
  const at = rng.int(2) === 0 ? place(bytes.length, rng) : place(bytes.length, rng) & ~1;
  const little = rng.int(2) === 0;
  const near = getInteger(bytes, at, width, little) + BigInt(rng.int(33) - 16);
  const values = [interesting[rng.int(interesting.length)]!, near, BigInt(bytes.length + rng.int(9) - 4)];
  setInteger(bytes, at, width, values[rng.int(3)]!, little);
  return bytes;
};

const truncate: Change = (bytes, rng) => bytes.slice(0, place(bytes.length, rng));

const remove: Change = (bytes, rng) => {
  const at = place(bytes.length, rng);
  return joined(bytes.subarray(0, at), bytes.subarray(at + 1 + span(bytes.length - at, rng)));
};

const fill: Change = (bytes, rng) => {
  const at = place(bytes.length, rng);
  return bytes.fill([0, 0xff, 0x20][rng.int(3)]!, at, at + 1 + span(bytes.length - at, rng));
};

const repeat: Change = (bytes, rng) => {
  const at = place(bytes.length, rng);
  const piece = bytes.subarray(at, at + 1 + span(Math.min(bytes.length - at, 4096), rng));
  const times = 1 + Math.min(span(1000, rng), Math.floor(65_536 / piece.length));
  return joined(bytes.subarray(0, at), ...Array.from({ length: times }, () => piece), bytes.subarray(at));
};

const copyWithin: Change = (bytes, rng) => {
  const from = place(bytes.length, rng);
  return bytes.copyWithin(place(bytes.length, rng), from, from + 1 + span(bytes.length - from, rng));
};

const splice: Change = (bytes, rng, other) => {
  if (other.length === 0) return bytes;
  const from = place(other.length, rng);
  const piece = other.subarray(from, from + 1 + span(other.length - from, rng));
  const at = place(bytes.length, rng);
  // Over what is there, or in between.
  const rest = bytes.subarray(rng.int(2) === 0 ? Math.min(bytes.length, at + piece.length) : at);
  return joined(bytes.subarray(0, at), piece, rest);
};

const changes: readonly Change[] = [
  ...[flipBit, flipBit, setByte, setByte, setByte, setNumber, setNumber, setNumber, setNumber],
  ...[truncate, remove, fill, repeat, copyWithin, splice],
];

function joined(...pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
