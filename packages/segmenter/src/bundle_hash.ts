import type { Checkpoint } from "@glof/checkpoint";
import { GlofError } from "@glof/core";

/**
 * SHA-256 over a checkpoint's tensors: names, element types, shapes and bytes, in the order of the names. Text beside
 * them (metadata) does not count, nor does the order or padding of the file.
 *
 * The hash is of one line per tensor, `name dtype shape sha256-of-bytes`, so no more than one tensor is held at a time.
 *
 * @returns lower-case hexadecimal
 * @throws GlofError `unsupported-feature` in a page that is not served securely, where browsers hide their hashes
 */
export async function hashTensors(checkpoint: Checkpoint): Promise<string> {
  const lines: string[] = [];
  for (const name of [...checkpoint.entries.keys()].sort()) {
    const { dtype, shape } = checkpoint.entries.get(name)!;
    lines.push(`${name} ${dtype} ${shape.join("x")} ${await sha256(await checkpoint.readBytes(name))}\n`);
  }
  return sha256(new TextEncoder().encode(lines.join("")));
}

async function sha256(bytes: Uint8Array): Promise<string> {
  const subtle = globalThis.crypto?.subtle;
  if (subtle === undefined) {
    throw new GlofError(
      "unsupported-feature",
      "hashTensors: expected Web Crypto, got a page without it. Serve the page over https or from localhost.",
    );
  }
  const digest = new Uint8Array(await subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
