/** The decoder, made ready once: it is a WebAssembly module. */
let ready: Promise<{ decode(bytes: Uint8Array, size: number): Uint8Array }> | undefined;

async function load() {
  const { ZSTDDecoder } = await import("zstddec");
  const decoder = new ZSTDDecoder();
  await decoder.init();
  return decoder;
}

/**
 * Decodes ZSTD data (RFC 8878) into at most `mostBytes`: with a size given the decoder works in one step, and cannot run on
 * with broken data as its streaming form does.
 *
 * @throws Error when the data is broken or holds more
 */
export async function decodeZstd(bytes: Uint8Array, mostBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  ready ??= load();
  const decoded = (await ready).decode(bytes, mostBytes);
  // The decoder's error codes are negative lengths, which leave nothing.
  if (decoded.length === 0) throw new Error("ZSTD data that is broken, or larger than its block");
  return new Uint8Array(decoded);
}
