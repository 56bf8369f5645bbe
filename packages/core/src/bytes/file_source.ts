import { throwIfAborted } from "../cancellation.js";
import { GlofError } from "../errors.js";
import { type ByteSource, corruptFile, requireRange } from "./byte_source.js";
import { inNode, loadCoreNode, loadFs } from "./node_only.js";

/**
 * A file of this machine, in Node.
 *
 * @throws GlofError `not-found`, `io`; `bad-argument` in a browser
 */
export async function openFileSource(path: string | URL, name = String(path)): Promise<ByteSource> {
  if (!inNode()) {
    throw new GlofError(
      "bad-argument",
      `${name}: expected an address or a File in a browser, got a path. Pass the File of an input element.`,
    );
  }
  const [{ open }, { asGlofError }] = await Promise.all([loadFs(), loadCoreNode()]);
  const file = await asGlofError(name, () => open(path, "r"));
  const stat = await asGlofError(name, () => file.stat());
  if (!stat.isFile()) {
    await file.close();
    throw new GlofError("io", `${name}: expected a file, got a folder or device. Name the file in it.`, {
      path: name,
    });
  }
  const { size } = stat;
  let isOpen = true;
  return {
    name,
    size,
    read: async (offset, length, signal, spare) => {
      requireRange(name, size, offset, length);
      const isEnough = spare !== undefined && spare.buffer.byteLength >= length;
      const bytes = isEnough ? new Uint8Array(spare.buffer, 0, length) : new Uint8Array(length);
      for (let done = 0; done < length; ) {
        throwIfAborted(signal, name);
        const { bytesRead } = await asGlofError(name, () =>
          file.read(bytes, done, Math.min(length - done, mostBytesARead), offset + done),
        );
        if (bytesRead === 0) throw corruptFile(name, `${size} bytes`, `${offset + done}`);
        done += bytesRead;
      }
      return bytes;
    },
    close: async () => {
      if (isOpen) await file.close();
      isOpen = false;
    },
  };
}

/** One read of more than 2 GiB fails on some systems; smaller ones can also be cancelled between. */
const mostBytesARead = 64 << 20;
