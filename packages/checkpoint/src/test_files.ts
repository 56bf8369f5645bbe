/** Little builders of files for tests: zip archives and pickles, sound or not. */

/** Options of `zipOf`. */
export interface ZipOptions {
  /** Use zip64 records for every size and offset. */
  readonly zip64?: boolean;
  /** Method field of every file. 0 is stored, 8 deflated. */
  readonly method?: number;
  readonly flags?: number;
  /** Says these uncompressed sizes instead of the true ones. */
  readonly claimedSizes?: Readonly<Record<string, number>>;
  /** Says these offsets instead of the true ones. */
  readonly claimedOffsets?: Readonly<Record<string, number>>;
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

function record(size: number, write: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(size);
  write(new DataView(bytes.buffer));
  return bytes;
}

/** Arrays one behind the other. */
export function joined(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** A zip archive of stored files. */
export function zipOf(files: Readonly<Record<string, Uint8Array>>, options: ZipOptions = {}): Uint8Array {
  const { zip64 = false, method = 0, flags = 0, claimedSizes = {}, claimedOffsets = {} } = options;
  const body: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const [path, content] of Object.entries(files)) {
    const name = text(path);
    const size = claimedSizes[path] ?? content.length;
    const local = record(30, (view) => {
      view.setUint32(0, 0x04034b50, true);
      view.setUint16(26, name.length, true);
    });
    const extra = zip64
      ? record(28, (view) => {
          view.setUint16(0, 1, true);
          view.setUint16(2, 24, true);
          view.setBigUint64(4, BigInt(size), true);
          view.setBigUint64(12, BigInt(size), true);
          view.setBigUint64(20, BigInt(claimedOffsets[path] ?? at), true);
        })
      : new Uint8Array(0);
    const central = record(46, (view) => {
      view.setUint32(0, 0x02014b50, true);
      view.setUint16(8, flags, true);
      view.setUint16(10, method, true);
      view.setUint32(20, zip64 ? 0xffffffff : size, true);
      view.setUint32(24, zip64 ? 0xffffffff : size, true);
      view.setUint16(28, name.length, true);
      view.setUint16(30, extra.length, true);
      view.setUint32(42, zip64 ? 0xffffffff : (claimedOffsets[path] ?? at), true);
    });
    body.push(local, name, content);
    directory.push(central, name, extra);
    at += 30 + name.length + content.length;
  }
  const central = joined(...directory);
  return joined(...body, central, endOf(at, central.length, Object.keys(files).length, zip64));
}

function endOf(offset: number, length: number, count: number, zip64: boolean): Uint8Array {
  const end64 = record(56, (view) => {
    view.setUint32(0, 0x06064b50, true);
    view.setBigUint64(4, 44n, true);
    view.setBigUint64(24, BigInt(count), true);
    view.setBigUint64(32, BigInt(count), true);
    view.setBigUint64(40, BigInt(length), true);
    view.setBigUint64(48, BigInt(offset), true);
  });
  const locator = record(20, (view) => {
    view.setUint32(0, 0x07064b50, true);
    view.setBigUint64(8, BigInt(offset + length), true);
  });
  const end = record(22, (view) => {
    view.setUint32(0, 0x06054b50, true);
    view.setUint16(10, zip64 ? 0xffff : count, true);
    view.setUint32(12, zip64 ? 0xffffffff : length, true);
    view.setUint32(16, zip64 ? 0xffffffff : offset, true);
  });
  return zip64 ? joined(end64, locator, end) : end;
}

/** Pieces of pickles, protocol 2. */
export const pickle = {
  global: (path: string): Uint8Array => {
    const dot = path.lastIndexOf(".");
    return text(`c${path.slice(0, dot)}\n${path.slice(dot + 1)}\n`);
  },
  unicode: (value: string): Uint8Array => {
    const bytes = text(value);
    return joined([0x58, bytes.length, 0, 0, 0], bytes);
  },
  int: (value: number): Uint8Array =>
    record(5, (view) => {
      view.setUint8(0, 0x4a);
      view.setInt32(1, value, true);
    }),
  /** 8 bytes, signed. */
  long: (value: bigint): Uint8Array =>
    record(10, (view) => {
      view.setUint8(0, 0x8a);
      view.setUint8(1, 8);
      view.setBigInt64(2, value, true);
    }),
  tuple: (...items: readonly Uint8Array[]): Uint8Array => joined([0x28], ...items, [0x74]),
  dict: (...keysAndValues: readonly Uint8Array[]): Uint8Array =>
    joined([0x7d, 0x28], ...keysAndValues, [0x75]),
  reduce: (callee: Uint8Array, args: Uint8Array): Uint8Array => joined(callee, args, [0x52]),
  whole: (value: Uint8Array): Uint8Array => joined([0x80, 2], value, [0x2e]),
  none: Uint8Array.of(0x4e),
  falsehood: Uint8Array.of(0x89),
};

/** What a tensor of `tensorPickle` says of itself. */
export interface TensorParts {
  readonly count?: Uint8Array;
  readonly offset?: Uint8Array;
  readonly shape?: readonly Uint8Array[];
  readonly stride?: readonly Uint8Array[];
  readonly storageClass?: string;
  readonly key?: string;
}

/** A call of `_rebuild_tensor_v2`, by default of 4 floats in storage 0. */
export function tensorPickle(parts: TensorParts = {}): Uint8Array {
  const { unicode, int, tuple, global, reduce, falsehood } = pickle;
  const { count = int(4), offset = int(0), shape = [int(4)], stride = [int(1)] } = parts;
  const { storageClass = "torch.FloatStorage", key = "0" } = parts;
  const id = tuple(unicode("storage"), global(storageClass), unicode(key), unicode("cpu"), count);
  const hooks = reduce(global("collections.OrderedDict"), tuple());
  const args = tuple(joined(id, [0x51]), offset, tuple(...shape), tuple(...stride), falsehood, hooks);
  return reduce(global("torch._utils._rebuild_tensor_v2"), args);
}

/** A file of torch.save with this pickle and one storage of 1, 2, 3, 4. */
export function torchZip(pickled: Uint8Array, options: ZipOptions = {}): Uint8Array {
  const storage = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
  return zipOf({ "archive/data.pkl": pickle.whole(pickled), "archive/data/0": storage }, options);
}
