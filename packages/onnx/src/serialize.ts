import { GlofError, type OnProgress, throwIfAborted } from "@glof/core";
import {
  type ExternalPlace,
  encodeGraphRest,
  encodeModelHead,
  encodeStoredHead,
  storedBytes,
} from "./encode.js";
import type { OnnxModel, OnnxStored } from "./types.js";
import { WireMessage } from "./wire.js";

/** Protocol buffers end here: no message may be longer. */
export const LARGEST_ONNX_BYTES = 2 ** 31 - 1;

/** Offsets of external tensors are multiples of this, so that a program can map the file into memory. */
const externalAlignment = 4096;

/** Smaller tensors stay inside: they are cheap there, and sizes and axes must be readable with the graph alone. */
const leastExternalBytes = 1024;

/** Options of writing. */
export interface SerializeOnnxOptions {
  readonly signal?: AbortSignal | undefined;
  /** Bytes of stored tensors: stage `write`. */
  readonly onProgress?: OnProgress | undefined;
}

/** Sees bytes on their way and hands them on. */
export type ByteCounter = (bytes: Uint8Array) => Uint8Array;

/** The pieces of a model's file, in order, and where its stored tensors go. */
export interface OnnxLayout {
  readonly byteLength: number;
  /** Of tensors outside the model's file. */
  readonly places: ReadonlyMap<OnnxStored, ExternalPlace>;
  /** @param count sees the numbers of each tensor as they are written */
  pieces(count: ByteCounter): AsyncGenerator<Uint8Array>;
}

/**
 * Plans the file of a model. Sizes follow from the shapes: no number is read before it is written.
 *
 * @param externalFile name of the file that the numbers go to; `undefined`: into the model's own
 */
export function onnxLayout(model: OnnxModel, externalFile?: string): OnnxLayout {
  const places = externalFile === undefined ? new Map() : placeStored(model.stored, externalFile);
  const head = encodeModelHead(model);
  const rest = encodeGraphRest(model);
  const tensors = model.stored.map((stored) => {
    const tensorHead = encodeStoredHead(stored, places.get(stored));
    const inlineBytes = places.has(stored) ? 0 : storedBytes(stored);
    const opening = new WireMessage().open(5, tensorHead.byteLength + inlineBytes);
    return { stored, start: [opening.bytes(), tensorHead.bytes()], inlineBytes };
  });
  const tensorBytes = tensors.reduce(
    (sum, { start, inlineBytes }) => sum + inlineBytes + start.reduce((all, { length }) => all + length, 0),
    0,
  );
  const graphHead = new WireMessage().open(7, rest.byteLength + tensorBytes);
  return {
    byteLength: head.byteLength + graphHead.byteLength + rest.byteLength + tensorBytes,
    places,
    pieces: async function* (count) {
      yield head.bytes();
      yield graphHead.bytes();
      yield rest.bytes();
      for (const { stored, start, inlineBytes } of tensors) {
        yield* start;
        if (inlineBytes > 0) yield count(await readStored(stored));
      }
    },
  };
}

/**
 * A model as the bytes of a file, everything inside.
 *
 * @throws GlofError `limit-exceeded` for 2 GiB and more: write it with `writeOnnx`; `shape-mismatch` when a weight has
 * not as many numbers as its shape says; `aborted`; what reading the weights throws
 */
export async function serializeOnnx(
  model: OnnxModel,
  options: SerializeOnnxOptions = {},
): Promise<Uint8Array> {
  const layout = onnxLayout(model);
  if (layout.byteLength > LARGEST_ONNX_BYTES) {
    throw new GlofError(
      "limit-exceeded",
      `serializeOnnx: expected less than 2 GiB, got ${layout.byteLength} bytes. ` +
        "Write the model with writeOnnx, which puts weights into a second file.",
      { byteLength: layout.byteLength },
    );
  }
  const all = new Uint8Array(layout.byteLength);
  let at = 0;
  for await (const piece of layout.pieces(progressCounter(model, options))) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** The numbers of a stored tensor as the bytes of the file. */
export async function readStored(stored: OnnxStored): Promise<Uint8Array> {
  const numbers = await stored.read();
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  if (bytes.length === storedBytes(stored)) return bytes;
  throw new GlofError(
    "shape-mismatch",
    `${stored.name}: expected the numbers of shape [${stored.shape}], ${storedBytes(stored)} bytes, got ${bytes.length}. ` +
      "Pass the weights of this very model.",
    { name: stored.name, shape: stored.shape },
  );
}

/** Counts written bytes of stored tensors, tells of them, and stops when asked to. */
export function progressCounter(model: OnnxModel, { signal, onProgress }: SerializeOnnxOptions): ByteCounter {
  const total = model.stored.reduce((sum, stored) => sum + storedBytes(stored), 0);
  let done = 0;
  return (bytes) => {
    throwIfAborted(signal, "writeOnnx");
    done += bytes.length;
    onProgress?.({ stage: "write", done, total, unit: "bytes" });
    return bytes;
  };
}

function placeStored(stored: readonly OnnxStored[], file: string): Map<OnnxStored, ExternalPlace> {
  const places = new Map<OnnxStored, ExternalPlace>();
  let offset = 0;
  for (const one of stored) {
    if (storedBytes(one) < leastExternalBytes) continue;
    places.set(one, { file, offset });
    offset += Math.ceil(storedBytes(one) / externalAlignment) * externalAlignment;
  }
  return places;
}
