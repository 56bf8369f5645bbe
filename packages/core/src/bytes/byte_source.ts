import { GlofError } from "../errors.js";

/** Random access to the bytes of a file, a Blob, a buffer or an address. */
export interface ByteSource {
  /** Path, address or other name, for messages. */
  readonly name: string;
  /** Whole size in bytes. */
  readonly size: number;
  /**
   * Exactly `length` bytes from `offset`, in an array of their own that the caller may keep and change.
   *
   * @param spare an array that is not needed any more: the answer may lie in its memory, where that is enough
   * @throws GlofError `corrupt-file` for a range that is not wholly inside, before memory is taken for it; `io`;
   *   `network`; `aborted`
   */
  read(
    offset: number,
    length: number,
    signal?: AbortSignal,
    spare?: Uint8Array<ArrayBuffer>,
  ): Promise<Uint8Array<ArrayBuffer>>;
  /** Releases the file; safe to call twice. */
  close(): Promise<void>;
}

/**
 * Refuses a range that is not wholly inside a source.
 *
 * @throws GlofError `corrupt-file`: offsets come from what a file says of itself
 */
export function requireRange(name: string, size: number, offset: number, length: number): void {
  const sound = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (sound && offset + length <= size) return;
  throw corruptFile(name, `a range inside its ${size} bytes`, `${length} bytes at ${offset}`);
}

/** A file that contradicts itself or its format. */
export function corruptFile(name: string, expected: string, got: string): GlofError {
  return new GlofError(
    "corrupt-file",
    `${name}: expected ${expected}, got ${got}. The file is damaged or cut short: fetch it again.`,
    { file: name },
  );
}
