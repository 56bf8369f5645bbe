import { describe, expect, it } from "vitest";
import { openCheckpoint } from "./index.js";
import { joined, pickle, tensorPickle, torchZip, zipOf } from "./test_files.js";

const { unicode, int, long, tuple, dict, global, reduce, whole, none } = pickle;
const named = (tensor: Uint8Array): Uint8Array => dict(unicode("w"), tensor);

describe("files of torch.save", () => {
  it.each([false, true])("reads a zip (zip64: %s)", async (zip64) => {
    const file = await openCheckpoint(torchZip(named(tensorPickle()), { zip64 }));
    expect(file.format).toBe("pytorch-zip");
    expect([...file.entries.values()]).toMatchObject([{ name: "w", dtype: "F32", shape: [4] }]);
    expect(await file.readFloat32("w")).toEqual(Float32Array.of(1, 2, 3, 4));
  });

  it("gathers strided views", async () => {
    const shape = [int(2), int(2)];
    const view = (offset: number, stride: readonly number[]): Uint8Array =>
      named(tensorPickle({ shape, stride: stride.map(int), offset: int(offset) }));
    const read = async (bytes: Uint8Array): Promise<number[]> => [
      ...(await (await openCheckpoint(torchZip(bytes))).readFloat32("w")),
    ];
    expect(await read(view(0, [1, 2]))).toEqual([1, 3, 2, 4]);
    expect(await read(view(1, [1, 0]))).toEqual([2, 2, 3, 3]);
    expect(await read(view(0, [2, 1]))).toEqual([1, 2, 3, 4]);
  });

  it("names nested tensors by their path and passes over other values", async () => {
    const tree = dict(
      unicode("model"),
      named(tensorPickle()),
      unicode("epoch"),
      int(3),
      unicode("best"),
      none,
    );
    const file = await openCheckpoint(torchZip(tree));
    expect([...file.entries.keys()]).toEqual(["model.w"]);
  });

  it("calls a bare tensor `tensor`", async () => {
    expect([...(await openCheckpoint(torchZip(tensorPickle()))).entries.keys()]).toEqual(["tensor"]);
  });
});

describe("hostile files of torch.save", () => {
  const evil = reduce(global("posix.system"), tuple(unicode("touch /tmp/owned")));
  const cyclic = joined([0x5d, 0x71, 0], [0x28, 0x68, 0], [0x65]);
  const deep = joined(new Array(200).fill(0x28), new Array(200).fill(0x74));
  // Each list holds the one before it ten times: 10^20 leaves behind a few hundred bytes.
  const laughs = joined(
    ...Array.from({ length: 20 }, (_, level) => [
      0x5d,
      0x71,
      level,
      0x28,
      ...(level === 0 ? [0x4e] : new Array(10).fill([0x68, level - 1]).flat()),
      0x65,
    ]),
  );
  const cases: [string, Uint8Array, string, RegExp][] = [
    ["code execution", torchZip(evil), "unsupported-feature", /posix\.system/],
    ["builtins.eval", torchZip(global("builtins.eval")), "unsupported-feature", /builtins\.eval/],
    [
      "names of Object's own",
      torchZip(global("constructor.constructor")),
      "unsupported-feature",
      /constructor/,
    ],
    [
      "STACK_GLOBAL",
      torchZip(joined(unicode("os"), unicode("system"), [0x93])),
      "unsupported-feature",
      /os\.system/,
    ],
    [
      "calling a storage class",
      torchZip(reduce(global("torch.FloatStorage"), tuple())),
      "unsupported-feature",
      /FloatStorage/,
    ],
    ["INST", torchZip(joined([0x28, 0x69])), "unsupported-feature", /INST \(0x69\)/],
    ["NEWOBJ", torchZip(joined([0x81])), "unsupported-feature", /NEWOBJ/],
    ["unknown opcode", torchZip(joined([0xff])), "unsupported-feature", /0xff/],
    ["negative size", torchZip(named(tensorPickle({ shape: [int(-4)] }))), "corrupt-file", /whole numbers/],
    [
      "negative stride",
      torchZip(named(tensorPickle({ stride: [int(-1)] }))),
      "corrupt-file",
      /whole numbers/,
    ],
    ["negative offset", torchZip(named(tensorPickle({ offset: int(-1) }))), "corrupt-file", /whole numbers/],
    ["negative storage", torchZip(named(tensorPickle({ count: int(-4) }))), "corrupt-file", /storage/],
    [
      "size beyond the storage",
      torchZip(named(tensorPickle({ shape: [int(5)] }))),
      "corrupt-file",
      /inside its storage/,
    ],
    [
      "stride beyond the storage",
      torchZip(named(tensorPickle({ stride: [int(2)] }))),
      "corrupt-file",
      /inside its storage/,
    ],
    [
      "overflowing product",
      torchZip(named(tensorPickle({ shape: [long(2n ** 40n), long(2n ** 40n)], stride: [int(0), int(0)] }))),
      "corrupt-file",
      /whole numbers/,
    ],
    [
      "a terabyte by stride 0",
      torchZip(named(tensorPickle({ shape: [long(2n ** 38n)], stride: [int(0)] }))),
      "limit-exceeded",
      /elements/,
    ],
    [
      "storage of another size",
      torchZip(named(tensorPickle({ count: int(2 ** 30) }))),
      "corrupt-file",
      /storage 0/,
    ],
    ["storage that is absent", torchZip(named(tensorPickle({ key: "7" }))), "corrupt-file", /storage 7/],
    [
      "storage key that climbs",
      torchZip(named(tensorPickle({ key: "../data.pkl" }))),
      "corrupt-file",
      /storage/,
    ],
    ["a list that holds itself", torchZip(cyclic), "corrupt-file", /holds itself/],
    ["nesting", torchZip(deep), "limit-exceeded", /levels of nesting/],
    ["billion laughs", torchZip(laughs), "limit-exceeded", /values/],
    ["endless opcodes", torchZip(new Uint8Array(1_100_000).fill(0x4e)), "limit-exceeded", /opcodes/],
    ["memo that is not there", torchZip(joined([0x68, 9])), "corrupt-file", /remembered as 9/],
    ["stack underflow", torchZip(joined([0x52])), "corrupt-file", /stack/],
    ["no mark", torchZip(joined([0x74])), "corrupt-file", /mark/],
    ["text of 4 GB", torchZip(joined([0x58, 0xff, 0xff, 0xff, 0xff])), "corrupt-file", /STOP/],
    ["text of 2^63 bytes", torchZip(joined([0x8d, 0, 0, 0, 0, 0, 0, 0, 0x80])), "corrupt-file", /length/],
    ["integer of 4 GB", torchZip(joined([0x8b, 0xff, 0xff, 0xff, 0xff])), "limit-exceeded", /integer/],
    [
      "compressed entries (zip bombs)",
      torchZip(named(tensorPickle()), { method: 8 }),
      "unsupported-feature",
      /compressed/,
    ],
    ["encrypted entries", torchZip(named(tensorPickle()), { flags: 1 }), "unsupported-feature", /encrypted/],
    [
      "overlapping entries",
      torchZip(named(tensorPickle()), { claimedOffsets: { "archive/data/0": 10 } }),
      "corrupt-file",
      /overlap/,
    ],
    [
      "an entry longer than the file",
      torchZip(named(tensorPickle()), { claimedSizes: { "archive/data/0": 2 ** 31 } }),
      "corrupt-file",
      /overlap/,
    ],
    ["cut short", torchZip(named(tensorPickle())).slice(0, -30), "corrupt-file", /zip directory/],
    ["another zip", zipOf({ "word/document.xml": new Uint8Array(4) }), "unsupported-feature", /torch\.save/],
    [
      "big-endian",
      zipOf({
        "a/data.pkl": whole(named(tensorPickle())),
        "a/data/0": new Uint8Array(16),
        "a/byteorder": new TextEncoder().encode("big"),
      }),
      "unsupported-feature",
      /byte order/,
    ],
    ["legacy cut short", joined([0x80, 2, 0x8a, 10]), "corrupt-file", /pickles/],
    [
      "another pickle",
      joined([0x80, 2, 0x8a, 10], new Uint8Array(10), [0x2e], ...new Array(4).fill([0x4e, 0x2e])),
      "unsupported-feature",
      /not one of torch\.save/,
    ],
  ];
  it.each(cases)("%s", async (_, bytes, code, message) => {
    const started = process.cpuUsage();
    await expect(openCheckpoint(bytes, { name: "hostile" })).rejects.toMatchObject({
      name: "GlofError",
      code,
      message: expect.stringMatching(message),
    });
    // Of the processor: a busy machine does not count.
    expect(process.cpuUsage(started).user).toBeLessThan(3e6);
  });
});
