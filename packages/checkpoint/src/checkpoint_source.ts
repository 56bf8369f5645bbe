import { type ByteSource, type BytesLike, type HttpSourceOptions, openBytes } from "@glof/core/bytes";

/** What `openCheckpoint` takes. */
export type CheckpointSource = BytesLike;

/** A header and its neighbours cost one request, and a file read from front to back is fetched once. */
const readAheadBytes = 1 << 20;

/** Whole files of servers without ranges: the weights of ViT-g take 4.5 GB. */
const maxWholeFileBytes = 2 ** 33;

/** Opens a path, URL, Blob or buffer for random access. In a browser a string is an address. */
export function openCheckpointSource(
  source: CheckpointSource,
  {
    name,
    signal,
    http,
  }: {
    readonly name?: string | undefined;
    readonly signal?: AbortSignal | undefined;
    readonly http?: HttpSourceOptions | undefined;
  },
): Promise<ByteSource> {
  const whole = { wholeFile: "memory", maxWholeFileBytes } as const;
  return openBytes(source, {
    name,
    signal,
    http: { ...whole, firstBytes: readAheadBytes, readAheadBytes, ...http },
  });
}
