import { type ByteSource, corruptFile } from "../byte_source.js";
import type { ZipEntry } from "./zip_directory.js";

const readBytes = 256 << 10;

/**
 * Unpacks a deflated entry piece by piece, never past the size it declares.
 *
 * @throws GlofError `corrupt-file` for bad data, or more or fewer bytes than declared
 */
export async function* inflateEntry(
  file: ByteSource,
  entry: ZipEntry,
  start: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const fault = (got: string) => corruptFile(file.name, `"${entry.path}" of ${entry.byteLength} bytes`, got);
  let sent = 0;
  let readFault: unknown;
  const packed = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: async (controller) => {
      const length = Math.min(readBytes, entry.storedLength - sent);
      if (length === 0) return controller.close();
      try {
        controller.enqueue(await file.read(start + sent, length, signal));
      } catch (error) {
        readFault = error;
        throw error;
      }
      sent += length;
    },
  });
  const reader = packed.pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  let done = 0;
  try {
    for (;;) {
      const next = await reader.read().catch((error: unknown) => {
        throw readFault ?? fault(error instanceof Error ? `bad data (${error.message})` : "bad data");
      });
      if (next.done) break;
      done += next.value.byteLength;
      if (done > entry.byteLength) throw fault("more");
      yield next.value;
    }
    if (done !== entry.byteLength) throw fault(`${done}`);
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
