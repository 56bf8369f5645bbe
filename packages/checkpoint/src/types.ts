/** Element types found in checkpoint files, in the spelling of safetensors. */
export type CheckpointDtype = "F64" | "F32" | "F16" | "BF16" | "I64" | "I32" | "I16" | "I8" | "U8" | "BOOL";

/** What a checkpoint says of one tensor, before its bytes are read. */
export interface CheckpointEntry {
  readonly name: string;
  readonly dtype: CheckpointDtype;
  /** As in the file: PyTorch's layouts. */
  readonly shape: readonly number[];
  /**
   * Grows with the place of the bytes in the file (over all files of a sharded one): who reads in this order reads from
   * front to back. Absent where there is no file.
   */
  readonly offset?: number | undefined;
}

/** An open checkpoint: a table of named tensors, each read when asked for. */
export interface Checkpoint {
  /** Path, URL or a name given by the caller. */
  readonly name: string;
  readonly format: "safetensors" | "pytorch-zip" | "pytorch-legacy" | "memory";
  readonly entries: ReadonlyMap<string, CheckpointEntry>;
  /** Free-form text of the file (safetensors `__metadata__`); empty for others. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Values of one tensor, contiguous, widened to f32 (integers and booleans too). */
  readFloat32(name: string): Promise<Float32Array>;
  /** Bytes of one tensor, contiguous, little-endian, in the file's own dtype. */
  readBytes(name: string): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** A tensor on its way into a file. */
export interface TensorToWrite {
  readonly shape: readonly number[];
  /** Values, row-major. Floats are converted to the asked dtype; integers stay `I32` and `U8`. */
  readonly values: Float32Array | Int32Array | Uint8Array;
}

/** A tensor on its way into a file whose bits stay as they are. */
export interface TensorBytes {
  readonly shape: readonly number[];
  readonly dtype: CheckpointDtype;
  /** Contiguous, little-endian. */
  readonly bytes: Uint8Array;
}
