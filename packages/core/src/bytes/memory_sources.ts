import { throwIfAborted } from "../cancellation.js";
import { type ByteSource, requireRange } from "./byte_source.js";

/** Bytes in memory. They are borrowed: each read copies its part. */
export function bufferSource(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    size: bytes.byteLength,
    read: async (offset, length, signal) => {
      throwIfAborted(signal, name);
      requireRange(name, bytes.byteLength, offset, length);
      const part = new Uint8Array(length);
      part.set(bytes.subarray(offset, offset + length));
      return part;
    },
    close: async () => {},
  };
}

/** A Blob or a File of an input element, read slice by slice. */
export function blobSource(name: string, blob: Blob): ByteSource {
  return {
    name,
    size: blob.size,
    read: async (offset, length, signal) => {
      throwIfAborted(signal, name);
      requireRange(name, blob.size, offset, length);
      return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
    },
    close: async () => {},
  };
}

/**
 * A part of another source as one of its own. Closing it leaves the other open.
 *
 * @throws GlofError `corrupt-file` when the part is not wholly inside
 */
export function sliceSource(whole: ByteSource, name: string, offset: number, size: number): ByteSource {
  requireRange(whole.name, whole.size, offset, size);
  return {
    name,
    size,
    read: async (from, length, signal) => {
      requireRange(name, size, from, length);
      return whole.read(offset + from, length, signal);
    },
    close: async () => {},
  };
}
