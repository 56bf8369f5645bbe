import { corrupt } from "./failures.js";

/** Random access to the bytes of a file, wherever it lies. */
export interface ByteSource {
  readonly name: string;
  readonly size: number;
  /** A fresh copy of `length` bytes; a range outside the file is `corrupt-file`. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Refuses a range that is not wholly inside the file, before any memory is taken for it. */
export function requireRange(name: string, size: number, offset: number, length: number): void {
  const sound = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (!sound || offset + length > size) {
    throw corrupt(name, `a range inside its ${size} bytes`, `${length} bytes at ${offset}`);
  }
}
