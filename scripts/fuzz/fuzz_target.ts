/** The files of one input, by path. Most have one; a shapefile, a SAFE folder and a Zarr hierarchy have several. */
export type InputFiles = ReadonlyMap<string, Uint8Array>;

/** A parser and what to feed it. */
export interface FuzzTarget {
  /** One line for `--list`. */
  readonly about: string;
  /** Sound inputs to damage. Made here, or read in place from the reference material where there is some. */
  seeds(): Promise<InputFiles[]>;
  /**
   * Reads an input as a user of the library would, all the way to values. May throw; whatever is no `GlofError` is a
   * failure, as is what takes too long or too much memory.
   *
   * @param makeFolder makes an empty folder, which is removed afterwards
   */
  run(files: InputFiles, makeFolder: () => Promise<string>): Promise<void>;
}

/** An input of one file. */
export const oneFile = (name: string, content: Uint8Array | string): InputFiles =>
  new Map([[name, typeof content === "string" ? new TextEncoder().encode(content) : content]]);

/** The bytes of an input of one file. */
export const onlyBytes = (files: InputFiles): Uint8Array<ArrayBuffer> =>
  Uint8Array.from([...files.values()][0]!);

/** The text of an input of one file. */
export const onlyText = (files: InputFiles): string => new TextDecoder().decode(onlyBytes(files));
