import { GlofError, isGlofError } from "@glof/core";

/** Largest content of one archive that is unpacked: vectors are small, and a zip bomb is not. */
const maxBytes = 2 ** 30;

/**
 * The files of a zip archive (PKWARE APPNOTE 6.3), by name, stored or deflated; folders are left out. Nothing is written
 * anywhere, so names with `..` do no harm.
 *
 * @param wanted which files are unpacked
 * @throws GlofError `corrupt-file`; `unsupported-feature` for encrypted files and other methods; `limit-exceeded` beyond
 *   1 GiB unpacked
 */
export async function unzip(
  bytes: Uint8Array,
  name: string,
  wanted: (file: string) => boolean,
): Promise<Map<string, Uint8Array>> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const files = new Map<string, Uint8Array>();
  let total = 0;
  try {
    const end = findEnd(view);
    let at = view.getUint32(end + 16, true);
    for (let entry = 0; entry < view.getUint16(end + 10, true); entry++) {
      if (view.getUint32(at, true) !== 0x02014b50) throw new RangeError("no entry where its list has one");
      const [nameBytes, extraBytes, noteBytes] = [28, 30, 32].map((field) =>
        view.getUint16(at + field, true),
      );
      const file = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameBytes!));
      if (!file.endsWith("/") && wanted(file)) {
        const size = view.getUint32(at + 24, true);
        total += size;
        if (total > maxBytes) throw limitError(name);
        files.set(file, await unpack(bytes, view, at, size, name));
      }
      at += 46 + nameBytes! + extraBytes! + noteBytes!;
    }
  } catch (error) {
    if (isGlofError(error)) throw error;
    throw new GlofError(
      "corrupt-file",
      `${name}: expected a whole zip archive, got ${error instanceof Error ? error.message : error}. Download or pack it again.`,
      { name, cause: error },
    );
  }
  return files;
}

/** The record at the archive's end, behind which there may be a note. */
function findEnd(view: DataView): number {
  for (let at = view.byteLength - 22; at >= Math.max(0, view.byteLength - 22 - 65_535); at--) {
    if (view.getUint32(at, true) === 0x06054b50) return at;
  }
  throw new RangeError("no list of its files at its end");
}

async function unpack(
  bytes: Uint8Array,
  view: DataView,
  entry: number,
  size: number,
  name: string,
): Promise<Uint8Array> {
  const [flags, method] = [view.getUint16(entry + 8, true), view.getUint16(entry + 10, true)];
  const packedBytes = view.getUint32(entry + 20, true);
  const local = view.getUint32(entry + 42, true);
  if (view.getUint32(local, true) !== 0x04034b50) throw new RangeError("no file where its list has one");
  const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  if (start + packedBytes > bytes.length) throw new RangeError("a file that ends outside the archive");
  const packed = bytes.subarray(start, start + packedBytes);
  if ((flags & 1) === 0 && method === 0 && packedBytes === size) return packed;
  if ((flags & 1) === 1 || method !== 8) {
    throw new GlofError(
      "unsupported-feature",
      `${name}: expected stored or deflated files without a password, got method ${method}. Pack it again.`,
      { name },
    );
  }
  return inflate(packed, size);
}

/** Inflates exactly `size` bytes; stops at the first one too many. */
async function inflate(packed: Uint8Array, size: number): Promise<Uint8Array> {
  const out = new Uint8Array(size);
  let at = 0;
  const stream = new Blob([packed as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream("deflate-raw"));
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (at + value.length > size) {
      await reader.cancel();
      throw new RangeError("a file longer than announced");
    }
    out.set(value, at);
    at += value.length;
  }
  if (at !== size) throw new RangeError("a file shorter than announced");
  return out;
}

const limitError = (name: string): GlofError =>
  new GlofError(
    "limit-exceeded",
    `${name}: expected at most 1 GiB unpacked, got more. Unpack it and give the file inside.`,
    { name },
  );
