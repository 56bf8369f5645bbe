/** A Python tuple. */
export class PyTuple {
  constructor(readonly items: readonly PyValue[]) {}
}

/** A Python list; grows while it is read. */
export class PyList {
  readonly items: PyValue[] = [];
}

/** A Python dict or OrderedDict, in order of insertion. */
export class PyDict {
  readonly items = new Map<PyValue, PyValue>();
}

/** The name of a Python class or function. It is only ever compared with a list of known names. */
export class PyGlobal {
  constructor(readonly path: string) {}
}

/** A storage of a torch file, named in the pickle and stored beside it. */
export class TorchStorage {
  constructor(
    readonly key: string,
    /** Class that the pickle names, such as `torch.FloatStorage`. */
    readonly storageClass: string,
    /** Elements of that class. */
    readonly elementCount: number,
    /** Legacy files: first element of a view into the storage. */
    readonly viewOffset = 0,
  ) {}
}

/** A tensor of a torch file: a strided view of a storage. Sizes are as the file says, unchecked. */
export class TorchTensor {
  constructor(
    readonly storage: TorchStorage,
    readonly offset: PyValue,
    readonly shape: PyValue,
    readonly stride: PyValue,
    /** `torch.float32` and the like, where the storage is untyped. */
    readonly dtype: string | undefined,
  ) {}
}

/** Everything that a pickle on our list can build. */
export type PyValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PyTuple
  | PyList
  | PyDict
  | PyGlobal
  | TorchStorage
  | TorchTensor;
