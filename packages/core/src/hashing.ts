import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { asGlofError } from "./atomic_file.js";
import { throwIfAborted } from "./cancellation.js";

/** SHA-256 of bytes, as lower-case hexadecimal. */
export function sha256(content: Uint8Array | string): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Bytes read at a time: beside work that holds the thread for long, each piece waits for its turn. */
const pieceBytes = 2 ** 20;

/**
 * SHA-256 of a file, read in pieces.
 *
 * @throws GlofError `not-found`, `io`, `aborted`
 */
export function sha256File(path: string, options: { readonly signal?: AbortSignal } = {}): Promise<string> {
  const { signal } = options;
  return asGlofError(path, async () => {
    const hash = createHash("sha256");
    throwIfAborted(signal, "sha256File");
    const file = await open(path, "r");
    try {
      const piece = new Uint8Array(pieceBytes);
      for (;;) {
        const { bytesRead } = await file.read(piece, 0, piece.length, null);
        throwIfAborted(signal, "sha256File");
        if (bytesRead === 0) return hash.digest("hex");
        hash.update(piece.subarray(0, bytesRead));
      }
    } finally {
      await file.close();
    }
  });
}
