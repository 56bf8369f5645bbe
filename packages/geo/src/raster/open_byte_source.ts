import { GlofError, throwIfAborted } from "@glof/core";
import { inNode, loadCoreNode, loadFs, loadUrl } from "../node_only.js";
import type { ByteSource } from "./byte_source.js";
import { openHttpSource } from "./http_source.js";

/**
 * Opens anything `openRaster` takes. Strings that begin with `http:` or `https:` and `URL`s are fetched by ranges; other
 * strings are paths.
 *
 * @throws GlofError `not-found`, `io`, `network`, `bad-argument`
 */
export async function openByteSource(
  source: string | URL | Blob | ArrayBuffer,
  name: string | undefined,
): Promise<ByteSource> {
  if (source instanceof ArrayBuffer) return bufferSource(name ?? "buffer", source);
  if (typeof source === "string") {
    return /^https?:/i.test(source) ? openHttpSource(new URL(source), name) : openFileSource(source, name);
  }
  if (source instanceof URL) {
    if (source.protocol === "file:") return openFileSource((await loadUrl()).fileURLToPath(source), name);
    return openHttpSource(source, name);
  }
  if (typeof Blob !== "undefined" && source instanceof Blob) return blobSource(name ?? "blob", source);
  throw new GlofError(
    "bad-argument",
    "openRaster: expected a path, a URL, a Blob or an ArrayBuffer, got something else. Pass one of those.",
  );
}

function bufferSource(name: string, buffer: ArrayBuffer): ByteSource {
  return {
    name,
    size: buffer.byteLength,
    read: async (offset, length) => new Uint8Array(buffer, offset, length),
    close: async () => {},
  };
}

function blobSource(name: string, blob: Blob): ByteSource {
  return {
    name,
    size: blob.size,
    read: async (offset, length, signal) => {
      throwIfAborted(signal, name);
      return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
    },
    close: async () => {},
  };
}

async function openFileSource(path: string, name = path): Promise<ByteSource> {
  if (!inNode()) {
    throw new GlofError(
      "bad-argument",
      `openRaster: expected a URL or a File in a browser, got the path ${path}. Pass the File of an input element.`,
    );
  }
  const [{ open }, { asGlofError }] = await Promise.all([loadFs(), loadCoreNode()]);
  const handle = await asGlofError(path, () => open(path, "r"));
  const { size, isFile } = await handle.stat().then((stat) => ({ size: stat.size, isFile: stat.isFile() }));
  if (!isFile) {
    await handle.close();
    throw new GlofError("io", `${path}: expected a file, got a folder or device. Name the file in it.`, {
      path,
    });
  }
  const read = async (offset: number, length: number, signal?: AbortSignal) => {
    throwIfAborted(signal, name);
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
      if (bytesRead === 0) {
        throw new GlofError(
          "corrupt-file",
          `${name}: expected ${size} bytes, got ${offset + done}. Copy it again.`,
        );
      }
      done += bytesRead;
    }
    return bytes;
  };
  let isOpen = true;
  return {
    name,
    size,
    read: (offset, length, signal) => asGlofError(path, () => read(offset, length, signal)),
    close: async () => {
      if (isOpen) await handle.close();
      isOpen = false;
    },
  };
}
