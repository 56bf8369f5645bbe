/** One request, with what to do with its answer. */
export interface HttpJob<T> {
  readonly method?: "GET" | "POST" | "HEAD" | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Begins the messages: the name of the file or the function. */
  readonly where: string;
  /** What is asked for, for messages: `"bytes 0-99"`. */
  readonly wanted: string;
  readonly signal?: AbortSignal | undefined;
  /** Statuses that `receive` handles; any other one is an error. */
  readonly statuses: readonly number[];
  /** Takes the answer, calling `onBytes` as its body comes. Throws `TryAgain` for a failure that may pass. */
  receive(response: Response, onBytes: (count: number) => void): Promise<T>;
}
