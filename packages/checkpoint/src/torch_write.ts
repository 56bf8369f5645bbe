import { itemBytes } from "./dtypes.js";
import { assembleFile, concatBytes, type FileLayout, writeLayoutAtomic } from "./file_layout.js";
import { PickleWriter } from "./pickle_writer.js";
import { type FloatDtype, type PlannedTensor, planTensors, type TensorsToWrite } from "./tensor_plan.js";
import { storageClassOf } from "./torch_dtypes.js";
import { ZipWriter } from "./zip_writer.js";

/** Options of `serializeTorch` and `writeTorch`. */
export interface TorchOptions {
  /** Element type of floating-point values; rounding is to nearest, ties to even. Default `"F32"`. */
  readonly dtype?: FloatDtype;
  /** Put before every name, such as `model.`. Default none. */
  readonly prefix?: string;
}

/** Every file lies in a folder of this name, as `torch.save` calls it when it has no path. */
const folder = "archive";

/**
 * The bytes of a `.pth` as `torch.save` makes them from a state dict: `torch.load` opens them, with `weights_only=True`
 * too. Tensors keep the order of the record; equal weights give equal bytes.
 *
 * @param tensors values in PyTorch's layouts
 * @throws GlofError `shape-mismatch` when a shape and its values disagree
 */
export function serializeTorch(tensors: TensorsToWrite, options: TorchOptions = {}): Uint8Array {
  const plan = planPrefixed(tensors, options);
  return assembleFile(torchLayout(plan), plan);
}

/**
 * Writes a `.pth` file in Node, tensor by tensor; the file appears under its name only when it is whole.
 *
 * @throws GlofError `shape-mismatch`, `no-space`, `not-writable`, `io`
 */
export async function writeTorch(
  path: string,
  tensors: TensorsToWrite,
  options: TorchOptions = {},
): Promise<void> {
  const plan = planPrefixed(tensors, options);
  await writeLayoutAtomic(path, torchLayout(plan), plan);
}

function planPrefixed(
  tensors: TensorsToWrite,
  { dtype = "F32", prefix = "" }: TorchOptions,
): PlannedTensor<Uint8Array>[] {
  const plan = planTensors("serializeTorch", tensors, dtype);
  return plan.map((tensor) => ({ ...tensor, name: `${prefix}${tensor.name}` }));
}

/**
 * A zip of the pickle, one storage per tensor, and the format's version. Source: torch/serialization.py (`_save`) and
 * caffe2/serialize/inline_container.cc.
 *
 * @param order indices of the plan in the order of the state dict. Default: the plan's
 */
export function torchLayout(
  plan: readonly PlannedTensor<unknown>[],
  { order = plan.map((_, index) => index), zip = new ZipWriter() } = {},
): FileLayout {
  const text = (content: string): Uint8Array => new TextEncoder().encode(content);
  const file = (path: string, bytes: Uint8Array): [Uint8Array, Uint8Array] => [
    zip.add(`${folder}/${path}`, bytes),
    bytes,
  ];
  return {
    head: concatBytes([...file("data.pkl", pickleOf(plan, order)), ...file("byteorder", text("little"))]),
    place: (index, bytes) => file(`data/${index}`, bytes),
    tail: () => [...file("version", text("3\n")), ...zip.finish()],
  };
}

/** `OrderedDict` of tensors, each a contiguous view of the whole storage that has its index as key. */
function pickleOf(plan: readonly PlannedTensor<unknown>[], order: readonly number[]): Uint8Array {
  const pickle = new PickleWriter();
  const orderedDict = (): void => {
    pickle.global("collections", "OrderedDict");
    pickle.ints([]);
    pickle.reduce();
  };
  orderedDict();
  pickle.setItems(() => {
    for (const index of order) {
      const { name, dtype, shape, byteLength } = plan[index]!;
      pickle.text(name);
      pickle.global("torch._utils", "_rebuild_tensor_v2");
      pickle.tuple(() => {
        pickle.tuple(() => {
          pickle.text("storage");
          pickle.global("torch", storageClassOf(dtype));
          pickle.text(String(index));
          pickle.text("cpu");
          pickle.int(byteLength / itemBytes[dtype]);
        });
        pickle.persistent();
        pickle.int(0);
        pickle.ints(shape);
        pickle.ints(contiguousStride(shape));
        pickle.falsehood();
        orderedDict();
      });
      pickle.reduce();
    }
  });
  return pickle.finish();
}

/** As torch counts them: an axis of no elements is taken as one. */
function contiguousStride(shape: readonly number[]): number[] {
  const stride: number[] = [];
  for (let axis = shape.length - 1, step = 1; axis >= 0; axis--) {
    stride.unshift(step);
    step *= Math.max(1, shape[axis]!);
  }
  return stride;
}
