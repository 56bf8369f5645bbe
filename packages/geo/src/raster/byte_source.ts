/** Bytes that can be read at any place: a file, a Blob, a buffer or a URL. */
export interface ByteSource {
  /** Path, URL or other name, for messages. */
  readonly name: string;
  /** Whole size in bytes. */
  readonly size: number;
  /** Exactly `length` bytes from `offset`; both lie inside. */
  read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}
