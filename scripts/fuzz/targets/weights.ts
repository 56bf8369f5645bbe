import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  checkpointFromTensors,
  openCheckpoint,
  saveCheckpoint,
  serializeSafetensors,
  serializeTorch,
  type TensorToWrite,
} from "../../../packages/checkpoint/src/index.js";
import { bufferSource, openZip } from "../../../packages/core/src/bytes.js";
import { countParams } from "../../../packages/nn/src/index.js";
import { hashTensors } from "../../../packages/segmenter/src/bundle_hash.js";
import { bundleMetadata, weightsFileName } from "../../../packages/segmenter/src/bundle_layout.js";
import {
  buildLakeSegmenter,
  buildSmallLakeSegmenterConfig,
  openBundle,
} from "../../../packages/segmenter/src/index.js";
import { testZip } from "../../../packages/sentinel2/src/safe/test_zip.js";
import { type FuzzTarget, type InputFiles, oneFile, onlyBytes } from "../fuzz_target.js";
import { sharedFiles } from "../seed_files.js";
import { writeFiles } from "./rasters.js";

const tensors: Readonly<Record<string, TensorToWrite>> = {
  "blocks.0.weight": { shape: [3, 4], values: Float32Array.from({ length: 12 }, Math.sqrt) },
  "blocks.0.bias": { shape: [4], values: Float32Array.of(1, -2, 3e-5, 4e30) },
  steps: { shape: [], values: Int32Array.of(7) },
  mask: { shape: [2, 3], values: Uint8Array.of(1, 0, 1, 0, 1, 1) },
};

async function readTensors(source: string | Uint8Array): Promise<void> {
  const checkpoint = await openCheckpoint(source);
  try {
    for (const [name, { shape }] of [...checkpoint.entries].slice(0, 50)) {
      await checkpoint.readBytes(name);
      const values = await checkpoint.readFloat32(name);
      const count = shape.reduce((product, size) => product * size, 1);
      if (values.length !== count) throw new Error(`${name} of shape ${shape} has ${values.length} values`);
    }
  } finally {
    await checkpoint.close();
  }
}

const readOne = async (files: InputFiles): Promise<void> => readTensors(onlyBytes(files));

/** The header's length, the header, the data: in pieces, so that the header is damaged as the JSON it is. */
function takeApart(bytes: Uint8Array): InputFiles {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  return new Map([
    ["header.json", bytes.slice(8, 8 + length)],
    ["data.bin", bytes.slice(8 + length)],
  ]);
}

function putTogether(files: InputFiles): Uint8Array {
  const header = files.get("header.json") ?? new Uint8Array(0);
  const data = files.get("data.bin") ?? new Uint8Array(0);
  const whole = new Uint8Array(8 + header.length + data.length);
  new DataView(whole.buffer).setBigUint64(0, BigInt(header.length), true);
  whole.set(header, 8);
  whole.set(data, 8 + header.length);
  return whole;
}

/** The files in a `.pth`, so that the pickle is damaged under a checksum that fits. */
async function pickleParts(): Promise<InputFiles[]> {
  const whole = [
    serializeTorch(tensors),
    ...sharedFiles("fixtures/dinov2/models", /zoo\.pth$/).map(onlyBytes),
  ];
  return Promise.all(
    whole.map(async (bytes) => {
      const archive = await openZip(bufferSource("a.pth", bytes));
      const entries = [...archive.entries.values()].filter(({ isFolder }) => !isFolder);
      const pairs = entries.map(async (entry) => [entry.path, await archive.read(entry)] as const);
      return new Map(await Promise.all(pairs));
    }),
  );
}

async function shardSeeds(): Promise<InputFiles[]> {
  const folder = await mkdtemp(join(tmpdir(), "glof-seeds-"));
  try {
    const checkpoint = checkpointFromTensors(tensors);
    await saveCheckpoint(join(folder, "model.safetensors"), checkpoint, { maxShardBytes: 40 });
    const names = await readdir(folder);
    return [
      new Map(
        await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name))] as const)),
      ),
    ];
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A folder: its `config.json` is damaged as the JSON it is. The weights need not be the model's to be opened. */
async function bundleSeeds(): Promise<InputFiles[]> {
  const weights = serializeSafetensors(tensors);
  const config = buildSmallLakeSegmenterConfig({
    name: "tiny",
    embedDim: 24,
    depth: 2,
    heads: 2,
    tilePx: 28,
    overlapPx: 7,
  });
  const sha256 = await hashTensors(await openCheckpoint(weights));
  const text = {
    format: bundleMetadata({ config, card: { description: "" }, sha256 }).format,
    sha256,
    config,
    card: {},
  };
  return [
    new Map([
      ["config.json", new TextEncoder().encode(JSON.stringify(text))],
      [weightsFileName, weights],
    ]),
  ];
}

/** Opens a bundle and defines its model, whose sizes the config states. */
async function readBundle(files: InputFiles, makeFolder: () => Promise<string>): Promise<void> {
  const folder = await makeFolder();
  await writeFiles(files, folder);
  const { config, checkpoint } = await openBundle(folder);
  await checkpoint.close();
  countParams(buildLakeSegmenter(config).specs);
}

/** Readers of weights. */
export const weightTargets: Readonly<Record<string, FuzzTarget>> = {
  safetensors: {
    about: "safetensors, header and data damaged apart",
    seeds: async () => [
      takeApart(serializeSafetensors(tensors, { metadata: { format: "pt" } })),
      takeApart(serializeSafetensors(tensors, { dtype: "F16" })),
      ...sharedFiles("fixtures/ops", /^act_.*\.safetensors$/, 5000)
        .slice(0, 5)
        .map((file) => takeApart(onlyBytes(file))),
    ],
    run: async (files) => readTensors(putTogether(files)),
  },
  shards: { about: "safetensors in several files and their index", seeds: shardSeeds, run: readShards },
  pytorch: {
    about: "what torch.save writes, zip and legacy, damaged as bytes",
    seeds: async () => [
      oneFile("a.pth", serializeTorch(tensors)),
      ...sharedFiles("fixtures/dinov2/models", /\.pth$/, 120_000),
    ],
    run: readOne,
  },
  pickle: {
    about: "the pickle in a .pth, under checksums that fit",
    seeds: pickleParts,
    run: async (files) => readTensors(testZip(files)),
  },
  bundle: {
    about: "segmenter bundles and the models they describe",
    seeds: bundleSeeds,
    run: readBundle,
  },
};

async function readShards(files: InputFiles, makeFolder: () => Promise<string>): Promise<void> {
  const folder = await makeFolder();
  await writeFiles(files, folder);
  const index = [...files.keys()].find((name) => name.endsWith(".index.json"));
  if (index !== undefined) await readTensors(join(folder, index));
}
