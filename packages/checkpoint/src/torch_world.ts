import { corrupt, unsupported } from "./failures.js";
import {
  PyDict,
  PyGlobal,
  PyList,
  PyTuple,
  type PyValue,
  TorchStorage,
  TorchTensor,
} from "./pickle_values.js";
import { storageDtypes, torchDtypes } from "./torch_dtypes.js";
import type { PickleWorld } from "./unpickle.js";

type Call = (args: readonly PyValue[], name: string) => PyValue;

/** Every callable that a pickle of tensors may name, and what stands for calling it. */
const calls: Readonly<Record<string, Call>> = {
  "collections.OrderedDict": orderedDict,
  "torch._utils._rebuild_tensor": (args, name) => tensorOf(args, name),
  "torch._utils._rebuild_tensor_v2": (args, name) => tensorOf(args, name),
  "torch._utils._rebuild_tensor_v3": (args, name) => tensorOf(args, name, args[6]),
  "torch._utils._rebuild_parameter": (args, name) => tensorIn(args[0], name),
  "torch._utils._rebuild_parameter_with_state": (args, name) => tensorIn(args[0], name),
  "torch._tensor._rebuild_from_type_v2": rebuildFromType,
  "torch.Size": (args) => args[0] ?? new PyTuple([]),
  "torch.device": (args) => args[0] ?? null,
  "_codecs.encode": (args) => args[0] ?? null,
};

/** Classes that are named as an argument and never called. */
const plainNames = new Set([
  ...Object.keys(storageDtypes),
  ...Object.keys(torchDtypes),
  "torch.Tensor",
  "torch.nn.parameter.Parameter",
]);

/** The names that torch writes for tensors; all others are `unsupported-feature`, by name. */
export function torchWorld(name: string): PickleWorld {
  return {
    admit(path) {
      if (Object.hasOwn(calls, path) || plainNames.has(path)) return new PyGlobal(path);
      throw unsupported(
        name,
        `its pickle names ${JSON.stringify(path.slice(0, 200))}, which is not on the list of what tensors need`,
        "Save a plain state_dict again, or do not trust this file.",
      );
    },
    call(path, args) {
      const call = Object.hasOwn(calls, path) ? calls[path] : undefined;
      if (!call) throw unsupported(name, `its pickle calls ${path}`, "Save a plain state_dict again.");
      return call(args, name);
    },
    build(target, state) {
      // A state_dict carries `_metadata` (versions of modules) as an attribute: nothing that tensors need.
      if (target instanceof PyDict && state instanceof PyDict) return;
      throw unsupported(
        name,
        "its pickle sets the state of an object that is no dict",
        "Save a plain state_dict again.",
      );
    },
    persistent: (id) => storageOf(id, name),
  };
}

function orderedDict(args: readonly PyValue[], name: string): PyDict {
  const dict = new PyDict();
  const pairs = args[0];
  if (pairs === undefined) return dict;
  if (!(pairs instanceof PyList)) throw corrupt(name, "pairs for an OrderedDict", "another object");
  for (const pair of pairs.items) {
    const items = pair instanceof PyTuple || pair instanceof PyList ? pair.items : [];
    if (items.length !== 2) throw corrupt(name, "pairs for an OrderedDict", "another object");
    dict.items.set(items[0]!, items[1]!);
  }
  return dict;
}

function tensorOf(args: readonly PyValue[], name: string, dtype?: PyValue): TorchTensor {
  const [storage, offset, shape, stride] = args;
  if (
    !(storage instanceof TorchStorage) ||
    offset === undefined ||
    shape === undefined ||
    stride === undefined
  ) {
    throw corrupt(name, "storage, offset, size and stride of a tensor", "other arguments");
  }
  return new TorchTensor(storage, offset, shape, stride, dtype instanceof PyGlobal ? dtype.path : undefined);
}

function tensorIn(value: PyValue | undefined, name: string): TorchTensor {
  if (value instanceof TorchTensor) return value;
  throw corrupt(name, "a tensor in a Parameter", "another object");
}

/** `(func, type, args, state)`: a tensor with attributes of its own; the tensor is what we want. */
function rebuildFromType(args: readonly PyValue[], name: string): PyValue {
  const [callee, , inner] = args;
  if (
    !(callee instanceof PyGlobal) ||
    !(inner instanceof PyTuple) ||
    !callee.path.startsWith("torch._utils.")
  ) {
    throw corrupt(name, "a rebuild function and its arguments", "other objects");
  }
  return calls[callee.path]!(inner.items, name);
}

/** `("storage", class, key, location, count[, view])`, as torch.serialization writes it. */
function storageOf(id: PyValue, name: string): TorchStorage {
  const [word, storageClass, key, , count, view] = id instanceof PyTuple ? id.items : [];
  const sound =
    word === "storage" && storageClass instanceof PyGlobal && typeof key === "string" && isCount(count);
  if (!sound) throw corrupt(name, "a storage as the object outside the pickle", "something else");
  const viewOffset = view instanceof PyTuple ? view.items[1] : 0;
  if (!isCount(viewOffset)) throw corrupt(name, "a view of a storage to have an offset", String(viewOffset));
  return new TorchStorage(key, storageClass.path, count, viewOffset);
}

const isCount = (value: PyValue | undefined): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
