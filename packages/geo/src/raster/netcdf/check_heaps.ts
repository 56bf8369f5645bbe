import { throwIfAborted } from "@glof/core";
import { type ByteSource, corruptFile } from "@glof/core/bytes";

/** Files beyond are not looked through: h5wasm holds files of memory up to 1 GiB, and reading a disk takes its time. */
const mostBytes = 2 ** 30;
const pieceBytes = 1 << 22;
const headerBytes = 16;
/** Of a collection's header, and of an object's in it. */
const signature = [0x47, 0x43, 0x4f, 0x4c, 1, 0, 0, 0];
const leastCollectionBytes = 4096;

/**
 * Refuses global heaps (HDF5 File Format Specification 3.0, III.E) whose objects do not lead on to the next one: on a free
 * object of no size, and on sizes that overflow its 32 bits, HDF5 1.14 goes round for ever, and nothing can stop it.
 *
 * @throws GlofError `corrupt-file`; what reading throws
 */
export async function requireEndingHeaps(source: ByteSource, signal?: AbortSignal): Promise<void> {
  if (source.size > mostBytes) return;
  for (let start = 0; start < source.size; start += pieceBytes) {
    throwIfAborted(signal, source.name);
    const bytes = await source.read(start, Math.min(pieceBytes + headerBytes, source.size - start), signal);
    for (let at = bytes.indexOf(signature[0]!); at >= 0 && at < pieceBytes; ) {
      if (signature.every((byte, index) => bytes[at + index] === byte)) {
        await requireEnding(source, start + at, signal);
      }
      at = bytes.indexOf(signature[0]!, at + 1);
    }
  }
}

async function requireEnding(
  source: ByteSource,
  start: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (start + leastCollectionBytes > source.size) return;
  const header = await source.read(start, headerBytes, signal);
  const size = Number(viewOf(header).getBigUint64(8, true));
  if (size < leastCollectionBytes || start + size > source.size) return;
  const bytes = await source.read(start, size, signal);
  const view = viewOf(bytes);
  for (let at = headerBytes; at + headerBytes <= size; ) {
    const index = view.getUint16(at, true);
    const own = Number(view.getBigUint64(at + 8, true));
    const step = index === 0 ? own : headerBytes + Math.ceil(own / 8) * 8;
    if (step === 0 || at + step > size) {
      throw corruptFile(source.name, "heaps whose objects end", `one of ${own} bytes at ${start + at}`);
    }
    at += step;
  }
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
