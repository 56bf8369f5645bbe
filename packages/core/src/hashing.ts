import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { asGlofError } from "./atomic_file.js";

/** SHA-256 of bytes, as lower-case hexadecimal. */
export function sha256(content: Uint8Array | string): string {
  return createHash("sha256").update(content).digest("hex");
}

/** SHA-256 of a file, read in pieces. */
export function sha256File(path: string): Promise<string> {
  return asGlofError(path, async () => {
    const hash = createHash("sha256");
    for await (const piece of createReadStream(path)) hash.update(piece as Uint8Array);
    return hash.digest("hex");
  });
}
