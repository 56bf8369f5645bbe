import { GlofError, throwIfAborted } from "@glof/core";
import { corrupt } from "./failures.js";
import { type ByteSource, requireRange } from "./random_access.js";
import { openUrl } from "./url_source.js";

/** What `openCheckpoint` takes. */
export type CheckpointSource = string | URL | Blob | ArrayBuffer | Uint8Array;

/** Opens a path, URL, Blob or buffer for random access. In a browser a string is an address. */
export async function openByteSource(
  source: CheckpointSource,
  { name, signal }: { name?: string | undefined; signal?: AbortSignal | undefined } = {},
): Promise<ByteSource> {
  throwIfAborted(signal, "openCheckpoint");
  if (source instanceof ArrayBuffer) return openBytes(new Uint8Array(source), name ?? "buffer");
  if (source instanceof Uint8Array) return openBytes(source, name ?? "buffer");
  if (source instanceof Blob) return openBlob(source, name ?? blobName(source));
  const address = addressOf(source);
  if (address) return openUrl(address, { name: name ?? address.href, signal });
  return openPath(source, { name, signal });
}

/** The web address of a source, or undefined for a path. */
export function addressOf(source: string | URL): URL | undefined {
  if (source instanceof URL) return source.protocol === "file:" ? undefined : source;
  if (/^(https?|blob|data):/i.test(source)) return new URL(source);
  // Pages and workers have a location, Node has none.
  if (typeof location !== "undefined") return new URL(source, location.href);
  return undefined;
}

function blobName(blob: Blob): string {
  return "name" in blob && typeof blob.name === "string" ? blob.name : "blob";
}

function openBytes(bytes: Uint8Array, name: string): ByteSource {
  return {
    name,
    size: bytes.byteLength,
    read: async (offset, length) => {
      requireRange(name, bytes.byteLength, offset, length);
      return bytes.slice(offset, offset + length);
    },
    close: async () => {},
  };
}

function openBlob(blob: Blob, name: string): ByteSource {
  return {
    name,
    size: blob.size,
    read: async (offset, length) => {
      requireRange(name, blob.size, offset, length);
      return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
    },
    close: async () => {},
  };
}

async function openPath(
  path: string | URL,
  { name, signal }: { name: string | undefined; signal: AbortSignal | undefined },
): Promise<ByteSource> {
  const { open } = await import("node:fs/promises");
  const { asGlofError } = await import("@glof/core/node");
  const shown = name ?? String(path);
  const file = await asGlofError(shown, () => open(path, "r"));
  const stat = await asGlofError(shown, () => file.stat());
  if (!stat.isFile()) {
    await file.close();
    throw new GlofError(
      "io",
      `openCheckpoint(${shown}): expected a file, got a folder or device. Name the file.`,
      {
        path: shown,
      },
    );
  }
  return {
    name: shown,
    size: stat.size,
    read: async (offset, length) => {
      throwIfAborted(signal, "openCheckpoint");
      requireRange(shown, stat.size, offset, length);
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length; ) {
        const { bytesRead } = await asGlofError(shown, () =>
          file.read(bytes, done, length - done, offset + done),
        );
        if (bytesRead === 0) throw corrupt(shown, `${length} bytes at ${offset}`, `${done} bytes`);
        done += bytesRead;
      }
      return bytes;
    },
    close: () => file.close(),
  };
}
