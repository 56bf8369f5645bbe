/** An array of more bytes than this is refused: no input of the fuzzer needs one, and browsers give no more. */
const refusedBytes = 2 ** 31;

let largest = 0;

/** The largest array made since the last call, in bytes. */
export function takeLargestAllocation(): number {
  const result = largest;
  largest = 0;
  return result;
}

/**
 * Makes every array of bytes that the code of this thread asks for known. The limits of a worker thread only bound its
 * JavaScript objects, and memory that is asked for but not touched yet is invisible from outside.
 */
export function watchAllocations(): void {
  watch("ArrayBuffer", 1);
  for (const name of ["Uint8Array", "Int8Array", "Uint8ClampedArray"] as const) watch(name, 1);
  for (const name of ["Uint16Array", "Int16Array"] as const) watch(name, 2);
  for (const name of ["Uint32Array", "Int32Array", "Float32Array"] as const) watch(name, 4);
  for (const name of ["Float64Array", "BigInt64Array", "BigUint64Array"] as const) watch(name, 8);
}

type Constructors = Record<string, { prototype: { constructor: unknown } }>;

function watch(name: string, itemBytes: number): void {
  const constructors = globalThis as unknown as Constructors;
  const original = constructors[name]!;
  const watched = new Proxy(original as unknown as new (...args: unknown[]) => object, {
    construct(target, args, newTarget) {
      const bytes = typeof args[0] === "number" ? args[0] * itemBytes : 0;
      largest = Math.max(largest, bytes);
      if (bytes > refusedBytes) throw new RangeError("Array buffer allocation failed");
      return Reflect.construct(target, args, newTarget) as object;
    },
  });
  constructors[name] = watched as unknown as Constructors[string];
  original.prototype.constructor = watched;
}
