let last: Promise<unknown> = Promise.resolve();

/** Runs asynchronous changes of the current backend one after the other: there is only one to change. */
export function oneAtATime<T>(change: () => Promise<T>): Promise<T> {
  const next = last.then(change);
  last = next.catch(() => {});
  return next;
}
