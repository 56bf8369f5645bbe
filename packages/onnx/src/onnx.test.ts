import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  arithmetic,
  attention,
  clip,
  concat,
  conv2d,
  elementwise,
  gather,
  gelu,
  groupNorm,
  linear,
  matMul,
  OnnxGraph,
  type OnnxModel,
  type OnnxValue,
  padFront,
  reshape,
  resizeBilinear,
  resizeNearest,
  serializeOnnx,
  silu,
  slice,
  split,
  transpose,
  writeOnnx,
} from "./index.js";
import { blob, decodeFields, integers, messages, texts } from "./test_decode.js";

/** Several operations with every kind of attribute and stored tensor. */
function smallModel(opset = 20): OnnxModel {
  const graph = new OnnxGraph({ name: "small", opset });
  const x = graph.input("x", ["batch", 3]);
  const w = graph.weight("w", [3, 400], async () =>
    Float32Array.from({ length: 1200 }, (_, index) => index / 7),
  );
  const wide = linear(graph, x, w, graph.floats(new Array(400).fill(0.5)));
  const [left, right] = split(graph, wide, 1, [100, 300]);
  graph.output(
    "y",
    concat(graph, [gelu(graph, left!), transpose(graph, transpose(graph, right!, [1, 0]), [1, 0])], 1),
  );
  return graph.finish({ author: "Zoë" });
}

async function run(graph: OnnxGraph, feeds: Record<string, ort.Tensor>) {
  const session = await ort.InferenceSession.create(await serializeOnnx(graph.finish()), {
    intraOpNumThreads: 1,
  });
  try {
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

const tensor = (values: readonly number[], dims: readonly number[]): ort.Tensor =>
  new ort.Tensor("float32", Float32Array.from(values), dims);

describe("serializeOnnx", () => {
  it("writes what onnx.proto3 says, read back by a reader of its own", async () => {
    const model = decodeFields(await serializeOnnx(smallModel()));
    expect(integers(model, 1)).toEqual([9]); // ir_version
    expect(texts(model, 2)).toEqual(["glof"]);
    expect(messages(model, 8).map((set) => [texts(set, 1)[0], integers(set, 2)[0]])).toEqual([["", 20]]);
    expect(messages(model, 14).map((pair) => [...texts(pair, 1), ...texts(pair, 2)])).toEqual([
      ["author", "Zoë"],
    ]);
    const [graph] = messages(model, 7);
    expect(texts(graph!, 2)).toEqual(["small"]);
    const nodes = messages(graph!, 1);
    expect(nodes.flatMap((node) => texts(node, 4))).toEqual([
      "MatMul",
      "Add",
      "Split",
      "Gelu",
      "Transpose",
      "Transpose",
      "Concat",
      "Identity",
    ]);
    const [input] = messages(graph!, 11);
    const type = messages(messages(input!, 2)[0]!, 1)[0]!;
    expect(texts(input!, 1)).toEqual(["x"]);
    expect(integers(type, 1)).toEqual([1]);
    const dims = messages(messages(type, 2)[0]!, 1);
    expect([texts(dims[0]!, 2), integers(dims[1]!, 1)]).toEqual([["batch"], [3]]);
    const tensors = messages(graph!, 5);
    expect(tensors.map((one) => [texts(one, 8)[0], integers(one, 1), integers(one, 2)])).toEqual([
      ["w", [3, 400], [1]],
      [expect.stringMatching(/^floats_/), [400], [1]],
      [expect.stringMatching(/^ints_/), [2], [7]],
    ]);
    const w = blob(tensors[0]!, 9);
    expect(new DataView(w.buffer, w.byteOffset).getFloat32(4 * 1199, true)).toBeCloseTo(1199 / 7, 4);
  });

  it("names every value once and uses none before it is there", async () => {
    const [graph] = messages(decodeFields(await serializeOnnx(smallModel(17))), 7);
    const known = new Set([
      ...messages(graph!, 11).flatMap((one) => texts(one, 1)),
      ...messages(graph!, 5).flatMap((one) => texts(one, 8)),
    ]);
    for (const node of messages(graph!, 1)) {
      for (const input of texts(node, 1)) expect(input === "" || known.has(input), input).toBe(true);
      for (const output of texts(node, 2)) {
        expect(known.has(output), output).toBe(false);
        known.add(output);
      }
    }
  });

  it("writes attributes of every kind, negative numbers among them", async () => {
    const graph = new OnnxGraph();
    const x = graph.input("x", [1]);
    const attributes = { a: { int: -1 }, b: { float: 0.25 }, c: { string: "é" }, d: { ints: [0, 300, -2] } };
    const [y] = graph.node("Custom", {
      inputs: [x, undefined],
      shapes: [[1]],
      attributes,
      domain: "com.microsoft",
    });
    graph.output("y", y!);
    const model = decodeFields(await serializeOnnx(graph.finish()));
    expect(messages(model, 8).map((set) => texts(set, 1)[0])).toEqual(["", "com.microsoft"]);
    const node = messages(messages(model, 7)[0]!, 1)[0]!;
    expect(texts(node, 1)).toEqual(["x", ""]);
    expect(texts(node, 7)).toEqual(["com.microsoft"]);
    const [a, b, c, d] = messages(node, 5);
    expect([integers(a!, 3), integers(a!, 20)]).toEqual([[-1], [2]]);
    expect(new DataView(blob(b!, 2).slice().buffer).getFloat32(0, true)).toBe(0.25);
    expect([texts(c!, 4), integers(c!, 20)]).toEqual([["é"], [3]]);
    expect([integers(d!, 8), integers(d!, 20)]).toEqual([[0, 300, -2], [7]]);
  });

  it("refuses weights of another size, more than a file holds, and stops when told to", async () => {
    const graph = new OnnxGraph();
    const w = graph.weight("w", [3], () => new Float32Array(2));
    graph.output("y", w);
    await expect(serializeOnnx(graph.finish())).rejects.toMatchObject({ code: "shape-mismatch" });
    const huge = new OnnxGraph();
    huge.output(
      "y",
      huge.weight("w", [600, 1_000_000], () => new Float32Array(0)),
    );
    await expect(serializeOnnx(huge.finish())).rejects.toMatchObject({ code: "limit-exceeded" });
    const signal = AbortSignal.abort();
    await expect(serializeOnnx(smallModel(), { signal })).rejects.toMatchObject({ code: "aborted" });
  });
});

describe("writeOnnx", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "glof-onnx-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("writes the bytes of serializeOnnx, tells of its progress, and replaces nothing unasked", async () => {
    const path = join(folder, "one.onnx");
    const seen: number[] = [];
    expect(await writeOnnx(path, smallModel(), { onProgress: ({ done }) => seen.push(done) })).toEqual([
      path,
    ]);
    expect(new Uint8Array(await readFile(path))).toEqual(await serializeOnnx(smallModel()));
    expect(seen).toEqual([4800, 6400, 6416]);
    await expect(writeOnnx(path, smallModel())).rejects.toMatchObject({ code: "already-exists" });
    await writeOnnx(path, smallModel(17), { overwrite: true });
    expect(new Uint8Array(await readFile(path))).toEqual(await serializeOnnx(smallModel(17)));
  });

  it("puts large tensors into a second file, each at a page of its own", async () => {
    const [path, data] = await writeOnnx(join(folder, "two.onnx"), smallModel(), { externalData: true });
    const graph = messages(decodeFields(await readFile(path!)), 7)[0]!;
    const numbers = await readFile(data!);
    const places = messages(graph, 5).map((one) => ({
      name: texts(one, 8)[0],
      location: integers(one, 14)[0],
      facts: Object.fromEntries(messages(one, 13).map((pair) => [texts(pair, 1)[0], texts(pair, 2)[0]])),
    }));
    expect(places).toEqual([
      { name: "w", location: 1, facts: { location: "two.onnx.data", offset: "0", length: "4800" } },
      {
        name: expect.any(String),
        location: 1,
        facts: { location: "two.onnx.data", offset: "8192", length: "1600" },
      },
      { name: expect.any(String), location: undefined, facts: {} },
    ]);
    expect(numbers.readFloatLE(8192)).toBe(0.5);
    const x = tensor([1, 2, 3], [1, 3]);
    const sessions = [
      await ort.InferenceSession.create(path!),
      await ort.InferenceSession.create(await serializeOnnx(smallModel())),
    ];
    const [one, other] = await Promise.all(sessions.map((session) => session.run({ x })));
    expect(one!.y!.data).toEqual(other!.y!.data);
    await Promise.all(sessions.map((session) => session.release()));
  });

  it("leaves nothing when it fails", async () => {
    const inside = join(folder, "failed");
    const graph = new OnnxGraph();
    graph.output(
      "y",
      graph.weight("w", [3], () => Promise.reject(new Error("no disk"))),
    );
    await expect(writeOnnx(join(inside, "x.onnx"), graph.finish())).rejects.toThrow("no disk");
    await expect(readdir(inside)).rejects.toThrow("ENOENT");
    await writeFile(join(folder, "there.onnx"), "old");
    const controller = new AbortController();
    const cancelled = writeOnnx(join(folder, "there.onnx"), smallModel(), {
      overwrite: true,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(cancelled).rejects.toMatchObject({ code: "aborted" });
    expect(await readFile(join(folder, "there.onnx"), "utf8")).toBe("old");
  });
});

describe("operations, run by ONNX Runtime", () => {
  it("move numbers to where they say", async () => {
    const graph = new OnnxGraph({ opset: 17 });
    const x = graph.input("x", [2, 3]);
    graph.output("padded", padFront(graph, x, 1, 2));
    graph.output("sliced", slice(graph, x, 1, 1, 2));
    graph.output("gathered", gather(graph, x, 1, [2, 0, 2]));
    graph.output("clipped", clip(graph, x, 2, 5));
    graph.output("swish", silu(graph, x));
    const got = await run(graph, { x: tensor([1, 2, 3, 4, 5, 6], [2, 3]) });
    expect([...(got.padded!.data as Float32Array)]).toEqual([0, 0, 1, 2, 3, 0, 0, 4, 5, 6]);
    expect([...(got.sliced!.data as Float32Array)]).toEqual([2, 3, 5, 6]);
    expect([...(got.gathered!.data as Float32Array)]).toEqual([3, 1, 3, 6, 4, 6]);
    expect([...(got.clipped!.data as Float32Array)]).toEqual([2, 2, 3, 4, 5, 5]);
    expect((got.swish!.data as Float32Array)[5]).toBeCloseTo(6 / (1 + Math.exp(-6)), 5);
  });

  it("resize every pair of sizes to the size they say, scales rounded or not", async () => {
    const graph = new OnnxGraph({ opset: 17 });
    const x = graph.input("x", ["n", 1, 7, 11]);
    const expected: [string, number[]][] = [];
    for (let size = 1; size <= 60; size++) {
      const value = resizeBilinear(graph, x, [size, 61 - size]);
      if (value === x) continue;
      graph.output(`to${size}`, value);
      expected.push([`to${size}`, [2, 1, size, 61 - size]]);
    }
    const rows = Int32Array.from({ length: 10 }, (_, index) => Math.floor((index * 7) / 10));
    graph.output("picked", resizeNearest(graph, x, [rows, Int32Array.of(10, 0)]));
    const got = await run(graph, {
      x: tensor(
        Array.from({ length: 154 }, (_, index) => index),
        [2, 1, 7, 11],
      ),
    });
    for (const [name, dims] of expected) expect(got[name]!.dims, name).toEqual(dims);
    expect([...(got.picked!.data as Float32Array).subarray(0, 4)]).toEqual([10, 0, 10, 0]);
  });

  it("refuse operands that do not fit, with the shapes in the message", () => {
    const graph = new OnnxGraph();
    const value = (...shape: readonly (number | string)[]): OnnxValue => ({
      name: "v",
      dtype: "float32",
      shape,
    });
    const refused: readonly (readonly [() => unknown, RegExp])[] = [
      [() => matMul(graph, value(2, 3), value(4, 5)), /matMul: expected .*got \[2, 3\] and \[4, 5\]/],
      [() => arithmetic(graph, "Add", value(2, 3), value(2)), /Add: expected shapes that stretch/],
      [() => reshape(graph, value("n", 6), ["n", 2, 2]), /reshape: expected as many numbers/],
      [() => reshape(graph, value("n", 6), [4, 6]), /reshape/],
      [() => transpose(graph, value(2, 3), [0, 0]), /transpose/],
      [() => concat(graph, [value(2, 3), value(3, 3)], 1), /concat/],
      [() => split(graph, value(2, 6), 1, [2, 3]), /split: expected pieces of 2 \+ 3/],
      [() => slice(graph, value(2, 6), 1, 4, 3), /slice/],
      [() => slice(graph, value("n", 6), 0, 0, 1), /slice: expected a fixed size/],
      [() => gather(graph, value(2, 3), 1, [3]), /gather/],
      [() => conv2d(graph, value(1, 3, 8, 8), { weight: value(4, 2, 3, 3) }), /conv2d/],
      [
        () => attention(graph, { q: value(1, 5, 6), k: value(1, 5, 6), v: value(1, 4, 6) }, 2, "standard"),
        /attention/,
      ],
      [
        () => attention(graph, { q: value(1, 5, 6), k: value(1, 5, 6), v: value(1, 5, 6) }, 4, "fused"),
        /attention/,
      ],
      [
        () =>
          groupNorm(graph, value(1, 6, 2, 2), 4, {
            weight: value(6, 1, 1),
            bias: value(6, 1, 1),
            epsilon: 1e-5,
          }),
        /groupNorm/,
      ],
    ];
    for (const [build, message] of refused) expect(build).toThrow(message);
    for (const [build] of refused) expect(build).toThrow(expect.objectContaining({ code: "shape-mismatch" }));
  });

  it("refuse names that are taken, opsets that are unknown, and graphs without a result", () => {
    const graph = new OnnxGraph();
    const x = graph.input("x", [1]);
    expect(() => graph.weight("x", [1], () => new Float32Array(1))).toThrow(
      /a name that is not taken, got "x"/,
    );
    expect(() => graph.finish()).toThrow(/at least one output/);
    expect(() => new OnnxGraph({ opset: 23 })).toThrow(/opset from 17 to 22, got 23/);
    graph.output("y", elementwise(graph, "Relu", x));
    expect(graph.finish().outputs).toEqual([{ name: "y", dtype: "float32", shape: [1] }]);
  });
});

describe("README", () => {
  it("prints what it says", async () => {
    const graph = new OnnxGraph({ name: "one_layer", opset: 20 });
    const x = graph.input("x", ["batch", 3]);
    const w = graph.weight("w", [3, 2], () => Float32Array.of(1, 2, 3, 4, 5, 6));
    graph.output("y", elementwise(graph, "Relu", linear(graph, x, w, undefined)));
    const bytes = await serializeOnnx(graph.finish({ author: "you" }));
    const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
    expect(readme).toContain(`console.log(bytes.length); // ${bytes.length}`);
  });
});
