import { GlofError } from "../errors.js";
import { TryAgain } from "./try_again.js";

/** Hands the bytes of an answer's body over as they come. */
async function forEachChunk(
  response: Response,
  onBytes: (count: number) => void,
  take: (chunk: Uint8Array) => void,
): Promise<void> {
  const reader = response.body?.getReader();
  if (!reader) return;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    onBytes(value.byteLength);
    take(value);
  }
}

/** Reads a body that must have exactly `length` bytes, without ever holding more than a piece of it. */
export async function readExactBody(
  response: Response,
  length: number,
  onBytes: (count: number) => void,
  take: (chunk: Uint8Array, at: number) => void,
): Promise<void> {
  let done = 0;
  await forEachChunk(response, onBytes, (chunk) => {
    if (done + chunk.byteLength > length) throw new TryAgain(`more than ${length} bytes`);
    take(chunk, done);
    done += chunk.byteLength;
  });
  if (done !== length) throw new TryAgain(`${done} bytes`);
}

/**
 * Reads a body of unknown length into memory.
 *
 * @throws GlofError `limit-exceeded` when it, or what it says of itself, is longer than `most`
 */
export async function readWholeBody(
  response: Response,
  most: number,
  where: string,
  onBytes: (count: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const tooLong = (got: string) =>
    new GlofError(
      "limit-exceeded",
      `${where}: expected at most ${most} bytes from the server, got ${got}. Raise the limit if you trust it.`,
    );
  const says = response.headers.get("content-length");
  const declared = says === null || response.headers.has("content-encoding") ? undefined : Number(says);
  if (declared !== undefined && declared > most) throw tooLong(says!);
  const chunks: Uint8Array[] = [];
  let size = 0;
  await forEachChunk(response, onBytes, (chunk) => {
    size += chunk.byteLength;
    if (size > most) throw tooLong("more");
    chunks.push(chunk);
  });
  if (declared !== undefined && size !== declared) throw new TryAgain(`${size} of ${declared} bytes`);
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}
