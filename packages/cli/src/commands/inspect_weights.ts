import { type Checkpoint, elementCount, itemBytes, openCheckpoint } from "@glof/checkpoint";
import { openBundle } from "@glof/segmenter";
import type { InspectedPath, Inspection, InspectKind, InspectOptions } from "./inspect_kind.js";
import { bundleLines, isBundle, modelFacts, modelLines, tensorLines } from "./weights_text.js";

/** Names that weights have in a folder, the likeliest first. */
const weightFiles = [
  "weights.safetensors",
  "model.safetensors",
  "model.safetensors.index.json",
  "adapter_model.safetensors",
  "pytorch_model.bin",
];

/** Weights of any model: safetensors in one or several files, `torch.save`, glof bundles, folders of Hugging Face. */
export const weightsKind: InspectKind = {
  title: "weights (.safetensors, .safetensors.index.json, .pth, .pt; a bundle; a folder of Hugging Face)",
  recognises: (input) => weightsPath(input) !== undefined,
  inspect: (input, options) => inspectWeights(input.path, weightsPath(input)!, options),
};

/** The file to open, or undefined for what is not weights. */
export function weightsPath({ path, isFolder, names, start }: InspectedPath): string | undefined {
  if (isFolder) {
    const found = weightFiles.find((name) => names.includes(name));
    return found === undefined ? undefined : `${path.replace(/[\\/]+$/, "")}/${found}`;
  }
  const named = /\.(safetensors|pth|pt|bin|ckpt|(safetensors|bin)\.index\.json)$/i;
  const begins = (...bytes: number[]): boolean => bytes.every((byte, index) => start[index] === byte);
  const isSafetensors = start[8] === 0x7b && start[7] === 0 && start[6] === 0;
  const isLegacyTorch = begins(0x80, 0x02, 0x8a, 0x0a);
  // The first file of an archive of torch.save is `<folder>/data.pkl`.
  const isTorchZip =
    begins(0x50, 0x4b, 0x03, 0x04) &&
    /^[^/]+\/data\.pkl/.test(new TextDecoder("latin1").decode(start.subarray(30)));
  const address = path.replace(/[?#].*$/, "");
  return named.test(address) || isSafetensors || isLegacyTorch || isTorchZip ? path : undefined;
}

async function inspectWeights(
  path: string,
  file: string,
  { all, signal }: InspectOptions,
): Promise<Inspection> {
  const checkpoint = await openCheckpoint(file, { signal });
  try {
    const facts = weightFacts(checkpoint);
    const model = modelFacts(checkpoint);
    const bundle = (await isBundle(checkpoint, path)) ? await bundleFacts(path, signal) : undefined;
    return {
      json: {
        kind: bundle ? "bundle" : "weights",
        path,
        ...facts,
        model: model.facts ?? null,
        ...(bundle && { bundle }),
      },
      lines: [
        `${path}: ${checkpoint.format}, ${facts.tensorCount} tensors, ` +
          `${facts.parameters.toLocaleString("en")} parameters, ${megabytes(facts.bytes)}`,
        `dtypes    ${Object.entries(facts.dtypes)
          .map(([dtype, count]) => `${dtype} (${count})`)
          .join(", ")}`,
        ...(bundle ? bundleLines(bundle) : []),
        ...modelLines(model, bundle?.config.bands),
        "tensors",
        ...tensorLines(checkpoint, all),
      ],
    };
  } finally {
    await checkpoint.close();
  }
}

/** Opening a bundle verifies its hash: what is printed of it is true. */
async function bundleFacts(path: string, signal: AbortSignal) {
  const { checkpoint, config, card, sha256 } = await openBundle(path, { signal });
  await checkpoint.close();
  return { config, card, sha256 };
}

function weightFacts({ format, entries, metadata }: Checkpoint) {
  const tensors = [...entries.values()].map(({ name, dtype, shape }) => {
    const elements = elementCount(shape) ?? 0;
    return { name, dtype, shape, elements, bytes: elements * itemBytes[dtype] };
  });
  const dtypes: Record<string, number> = {};
  for (const { dtype } of tensors) dtypes[dtype] = (dtypes[dtype] ?? 0) + 1;
  const floats = tensors.filter(({ dtype }) => /F/.test(dtype));
  return {
    format,
    tensorCount: tensors.length,
    /** Elements of floating-point tensors: counters and masks are no parameters. */
    parameters: floats.reduce((sum, { elements }) => sum + elements, 0),
    bytes: tensors.reduce((sum, { bytes }) => sum + bytes, 0),
    dtypes,
    metadata,
    tensors: tensors.map(({ elements: _, ...tensor }) => tensor),
  };
}

const megabytes = (bytes: number): string =>
  bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
