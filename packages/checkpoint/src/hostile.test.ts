import { isGlofError } from "@glof/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openCheckpoint, serializeSafetensors, serializeTorch } from "./index.js";
import { joined, pickle, tensorPickle, torchZip, zipOf } from "./test_files.js";

const { unicode, int, long, tuple, dict, global, reduce, whole } = pickle;
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const named = (tensor: Uint8Array): Uint8Array => dict(unicode("w"), tensor);
const list = (...items: readonly Uint8Array[]): Uint8Array => joined([0x5d, 0x28], ...items, [0x65]);
const int64 = (value: number): Uint8Array => new Uint8Array(BigInt64Array.of(BigInt(value)).buffer);

/** A file of torch.save before 1.6, of one tensor of 4 floats. */
function legacyFile(root = named(tensorPickle())): Uint8Array {
  const magic = joined([0x8a, 10], [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]);
  const system = dict(unicode("little_endian"), Uint8Array.of(0x88));
  const heads = [magic, int(1001), system, root, list(unicode("0"))].map(whole);
  return joined(...heads, int64(4), new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer));
}

function safetensorsFile(header: string, dataBytes = 0): Uint8Array {
  const json = text(header);
  return joined(int64(json.length), json, new Uint8Array(dataBytes));
}

const tensors = {
  a: { shape: [3], values: Float32Array.of(1, 2, 3) },
  "b.c": { shape: [2, 1], values: Int32Array.of(4, 5) },
};
const validFiles: readonly [string, Uint8Array][] = [
  ["zip of torch.save", torchZip(named(tensorPickle()))],
  ["zip64", torchZip(named(tensorPickle()), { zip64: true })],
  ["our .pth", serializeTorch(tensors)],
  ["legacy", legacyFile()],
  ["safetensors", serializeSafetensors(tensors, { metadata: { made: "here" } })],
];

/** Opens and reads everything: names of the tensors, or the error's code. Anything but a GlofError is thrown on. */
async function outcome(bytes: Uint8Array): Promise<string> {
  try {
    const file = await openCheckpoint(bytes, { name: "hostile" });
    for (const name of file.entries.keys()) await file.readFloat32(name);
    return [...file.entries.keys()].join(" ");
  } catch (error) {
    if (isGlofError(error)) return `refused: ${error.code}`;
    throw error;
  }
}

describe("damaged files", () => {
  it.each(validFiles)("%s: sound as it is, refused when cut at any byte", async (_, bytes) => {
    expect(await outcome(bytes)).not.toContain("refused");
    for (let length = 0; length < bytes.length; length++) {
      expect(await outcome(bytes.slice(0, length)), `cut to ${length}`).toMatch(
        /^refused: (corrupt-file|unsupported-format|unsupported-feature)$/,
      );
    }
  });

  it.each(validFiles)(
    "%s: any bytes changed, moved or cut give an error of ours or tensors",
    async (_, bytes) => {
      const place = fc.integer({ min: 0, max: bytes.length - 1 });
      const change = fc.oneof(
        fc.record({ kind: fc.constant("set" as const), at: place, value: fc.integer({ min: 0, max: 255 }) }),
        fc.record({ kind: fc.constant("flip" as const), at: place, value: fc.integer({ min: 0, max: 7 }) }),
        fc.record({ kind: fc.constant("fill" as const), at: place, value: fc.constantFrom(0, 0x7f, 0xff) }),
        fc.record({ kind: fc.constant("cut" as const), at: place, value: place }),
        fc.record({ kind: fc.constant("repeat" as const), at: place, value: place }),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
          let file: Uint8Array = bytes.slice();
          for (const { kind, at, value } of changes) {
            if (kind === "set") file[at] = value;
            else if (kind === "flip") file[at]! ^= 1 << value;
            else if (kind === "fill") file.fill(value, at, at + 8);
            else if (kind === "cut") file = joined(file.slice(0, at), file.slice(at + 1 + (value % 9)));
            else file = joined(file.slice(0, at), file.slice(value, value + 20), file.slice(at));
          }
          await outcome(file);
        }),
        { numRuns: 400, seed: 11 },
      );
    },
  );

  it("random bytes behind each beginning that is recognised", async () => {
    const beginnings = [[0x50, 0x4b, 3, 4], [0x80, 2, 0x8a, 10], [0x7b], [9, 0, 0, 0, 0, 0, 0, 0, 0x7b]];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...beginnings),
        fc.uint8Array({ maxLength: 300 }),
        async (beginning, rest) => void (await outcome(joined(beginning, rest))),
      ),
      { numRuns: 500, seed: 5 },
    );
  });

  it("random programs of a pickle", async () => {
    const pieces = fc.constantFrom(
      ...[
        [0x28],
        [0x5d],
        [0x7d],
        [0x29],
        [0x4e],
        [0x51],
        [0x52],
        [0x61],
        [0x62],
        [0x65],
        [0x73],
        [0x74],
        [0x75],
      ],
      ...[
        [0x30],
        [0x31],
        [0x32],
        [0x64],
        [0x6c],
        [0x71, 0],
        [0x68, 0],
        [0x85],
        [0x86],
        [0x87],
        [0x88],
        [0x94],
      ],
      ...[[...int(3)], [...unicode("storage")], [...global("torch.FloatStorage")], [...tensorPickle()]],
      ...[[...global("collections.OrderedDict")], [...global("torch._utils._rebuild_tensor_v2")]],
      [...global("torch._utils._rebuild_parameter")],
      [...global("torch._tensor._rebuild_from_type_v2")],
    );
    await fc.assert(
      fc.asyncProperty(fc.array(pieces, { maxLength: 25 }), async (program) => {
        await outcome(torchZip(joined(...program)));
      }),
      { numRuns: 1500, seed: 3 },
    );
  });
});

describe("hostile files", () => {
  const manyAxes = new Array(5000).fill(int(1));
  const deepNames = (levels: number): Uint8Array => {
    const key = joined([0x58, 0, 0, 1, 0], new Uint8Array(65_536).fill(0x61));
    const open = joined([0x7d], key, [0x71, 0]);
    const again = new Array(levels).fill([0x7d, 0x68, 0]);
    return joined(open, ...again, tensorPickle(), ...new Array(levels + 1).fill([0x73]));
  };
  const f32 = (name: string, from: number, to: number): string =>
    `"${name}":{"dtype":"F32","shape":[${(to - from) / 4}],"data_offsets":[${from},${to}]}`;
  const torch = (program: readonly number[]): Uint8Array => torchZip(joined(program));
  const executing: readonly [string, readonly number[]][] = [
    ["REDUCE of os.system", [...reduce(global("os.system"), tuple(unicode("id")))]],
    ["REDUCE of eval", [...reduce(global("builtins.eval"), tuple(unicode("1")))]],
    ["REDUCE of getattr", [...global("builtins.getattr")]],
    ["REDUCE of a loader", [...global("torch.jit._pickle.build_intlist")]],
    ["REDUCE of torch.load", [...global("torch.serialization.load")]],
    ["BUILD of a tensor", [...tensorPickle(), ...dict(unicode("__setstate__"), int(1)), 0x62]],
    ["BUILD of a class", [...global("torch.FloatStorage"), ...dict(), 0x62]],
    ["INST", [0x28, 0x69, ...text("os\nsystem\n")]],
    ["OBJ", [0x28, ...global("collections.OrderedDict"), 0x6f]],
    ["NEWOBJ", [...global("collections.OrderedDict"), 0x29, 0x81]],
    ["NEWOBJ_EX", [...global("collections.OrderedDict"), 0x29, 0x7d, 0x92]],
    ["STACK_GLOBAL", [...unicode("subprocess"), ...unicode("Popen"), 0x93]],
    ["EXT1", [0x82, 1]],
    ["EXT2", [0x83, 1, 0]],
    ["EXT4", [0x84, 1, 0, 0, 0]],
    ["PERSID", [0x50, ...text("0\n")]],
    ["STRING", [0x53, ...text("'x'\n")]],
    ["NEXT_BUFFER", [0x97]],
    ["a name of Object's", [...global("hasOwnProperty.constructor")]],
    ["__proto__", [...global("__proto__.__proto__")]],
  ];
  it.each(executing)("executes nothing: %s", async (_, program) => {
    expect(await outcome(torch(program))).toBe("refused: unsupported-feature");
    expect(await outcome(legacyFile(Uint8Array.from(program)))).toBe("refused: unsupported-feature");
  });

  const headerOf = (length: bigint): Uint8Array =>
    joined(new Uint8Array(BigUint64Array.of(length).buffer), text("{}"));
  const oversized = (overrides: Parameters<typeof tensorPickle>[0]): Uint8Array =>
    torchZip(named(tensorPickle(overrides)));
  const cases: readonly [string, Uint8Array, string][] = [
    ["a header of 2^63 bytes", headerOf(2n ** 63n), "limit-exceeded"],
    ["a header of 2^32 bytes", headerOf(2n ** 32n), "limit-exceeded"],
    ["a header longer than the file", headerOf(99_000_000n), "corrupt-file"],
    ["a million brackets", safetensorsFile(`{"a":${"[".repeat(1_000_000)}`), "limit-exceeded"],
    ["millions of commas", safetensorsFile(`{"a":[${"0,".repeat(4_000_001)}0]}`), "limit-exceeded"],
    ["a name twice", safetensorsFile(`{${f32("a", 0, 4)},${f32("a", 0, 4)}}`, 4), "corrupt-file"],
    [
      "a name twice, once escaped",
      safetensorsFile(`{${f32("a", 0, 4)},${f32("\\u0061", 0, 4)}}`, 4),
      "corrupt-file",
    ],
    [
      "a field twice",
      safetensorsFile('{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1),
      "corrupt-file",
    ],
    ["tensors that overlap", safetensorsFile(`{${f32("a", 0, 8)},${f32("b", 4, 12)}}`, 12), "corrupt-file"],
    [
      "a tensor of 2^53 elements",
      safetensorsFile('{"a":{"dtype":"U8","shape":[9007199254740993],"data_offsets":[0,1]}}', 1),
      "corrupt-file",
    ],
    ["text that never ends", safetensorsFile('{"a'), "corrupt-file"],
    ["an index of itself in a buffer", text('{"weight_map":{"a":"x.safetensors"}}'), "unsupported-feature"],
    ["a name twice in an index", text('{"weight_map":{"a":"x","a":"y"}}'), "corrupt-file"],
    ["an integer of 2 GB", torch([0x8b, 0xff, 0xff, 0xff, 0x7f]), "limit-exceeded"],
    ["millions of memo puts", torch(new Array(600_000).fill([0x4e, 0x94]).flat()), "limit-exceeded"],
    ["a dict in itself", torch([0x7d, 0x71, 0, ...unicode("a"), 0x68, 0, 0x73]), "corrupt-file"],
    ["a memo of the future", torch([0x6a, 1, 0, 0, 0]), "corrupt-file"],
    ["a tensor of 5000 axes", oversized({ shape: manyAxes, stride: manyAxes }), "limit-exceeded"],
    ["names of megabytes", torchZip(deepNames(50)), "limit-exceeded"],
    ["an offset outside", oversized({ offset: long(2n ** 52n) }), "corrupt-file"],
    [
      "an offset of 2^70",
      oversized({ offset: joined([0x8a, 10], new Uint8Array(9).fill(0), [0x40]) }),
      "corrupt-file",
    ],
    [
      "strides that overflow",
      oversized({ shape: [int(2), int(2)], stride: [long(2n ** 52n), long(2n ** 52n)] }),
      "corrupt-file",
    ],
    ["a storage of 2^60 elements", oversized({ count: long(2n ** 60n) }), "corrupt-file"],
    ["a storage of another dtype", oversized({ storageClass: "torch.DoubleStorage" }), "corrupt-file"],
    [
      "two pickles",
      zipOf({ "a/data.pkl": whole(dict()), "b/data.pkl": whole(dict()) }),
      "unsupported-feature",
    ],
    ["an archive without data", zipOf({ "a/data.pkl": whole(named(tensorPickle())) }), "corrupt-file"],
    [
      "an unknown class behind a million letters",
      torch([0x63, ...new Array(100_000).fill(0x61), 0x0a, 0x62, 0x0a]),
      "unsupported-feature",
    ],
    [
      "legacy storages without end",
      legacyFile(named(tensorPickle({ count: long(2n ** 50n) }))),
      "corrupt-file",
    ],
  ];
  it.each(cases)("%s", async (_, bytes, code) => {
    const heapBefore = process.memoryUsage().rss;
    const started = process.cpuUsage();
    expect(await outcome(bytes)).toBe(`refused: ${code}`);
    // Of the processor: a busy machine does not count.
    expect(process.cpuUsage(started).user).toBeLessThan(3e6);
    expect(process.memoryUsage().rss - heapBefore).toBeLessThan(5e8);
  });
});
