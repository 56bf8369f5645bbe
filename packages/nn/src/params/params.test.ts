import type { Checkpoint, TensorToWrite } from "@glof/checkpoint";
import { checkpointFromTensors } from "@glof/checkpoint";
import { isGlofError, seededRng } from "@glof/core";
import { describeOnBackends, expectClose } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import type { LoadReport, ParamSpec } from "../types.js";
import { drawParam } from "./draw.js";
import { initParams } from "./init.js";
import { toFileLayout, toMemoryLayout, toMemoryShape } from "./layout.js";
import { loadParams } from "./load.js";
import { saveParams } from "./save.js";
import { countParams, disposeParams, partition, subParams } from "./select.js";

const spec = (name: string, shape: number[], more: Partial<ParamSpec> = {}): ParamSpec => ({
  name,
  shape,
  kind: "weight",
  layout: "as-is",
  init: { kind: "normal", std: 0.5 },
  ...more,
});

const specs: readonly ParamSpec[] = [
  spec("fc.weight", [5, 3], { layout: "linear" }),
  spec("conv.weight", [4, 3, 2, 1], { layout: "conv2d" }),
  spec("up.weight", [3, 4, 2, 1], { layout: "conv-transpose2d" }),
  spec("norm.mean", [4], { kind: "buffer", init: { kind: "zeros" } }),
];

const counting = (shape: readonly number[]): Float32Array =>
  Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, index) => index);

function file(change: (tensors: Record<string, TensorToWrite>) => void = () => {}): Checkpoint {
  const tensors: Record<string, TensorToWrite> = Object.fromEntries(
    specs.map(({ name, shape }) => [name, { shape, values: counting(shape) }]),
  );
  change(tensors);
  return checkpointFromTensors(tensors, { name: "weights.safetensors" });
}

describe("layout", () => {
  it("puts each axis where it belongs", () => {
    expect(toMemoryShape([5, 3], "linear")).toEqual([3, 5]);
    expect(toMemoryShape([8, 3, 7, 5], "conv2d")).toEqual([7, 5, 3, 8]);
    expect(toMemoryShape([3, 8, 7, 5], "conv-transpose2d")).toEqual([7, 5, 8, 3]);
    expect([...toMemoryLayout(counting([2, 3]), [2, 3], "linear")]).toEqual([0, 3, 1, 4, 2, 5]);
    // w[o, i, h, w] lies at o * 12 + i * 6 + h * 3 + w in the file.
    const hwio = toMemoryLayout(counting([2, 2, 2, 3]), [2, 2, 2, 3], "conv2d");
    expect(hwio[((1 * 3 + 2) * 2 + 0) * 2 + 1]).toBe(1 * 12 + 0 * 6 + 1 * 3 + 2);
  });

  it.each(["as-is", "linear", "conv2d", "conv-transpose2d"] as const)("goes both ways: %s", (layout) => {
    const shape = layout === "linear" ? [3, 5] : [2, 3, 4, 5];
    const values = counting(shape);
    const back = toFileLayout(toMemoryLayout(values, shape, layout), shape, layout);
    expect(back).toEqual(values);
  });

  it("transposes matrices of every size, larger than a block and not a multiple of one", () => {
    for (const [rows, cols] of [
      [1, 70],
      [33, 64],
      [65, 31],
    ] as const) {
      const turned = toMemoryLayout(counting([rows, cols]), [rows, cols], "linear");
      const expected = Float32Array.from(turned, (_, at) => (at % rows) * cols + Math.floor(at / rows));
      expect(turned).toEqual(expected);
    }
  });

  it("refuses a shape that has other axes", () => {
    expect(() => toMemoryShape([3], "linear")).toThrow(/2 axes/);
  });
});

describe("drawParam", () => {
  const draw = (init: ParamSpec["init"], shape = [200, 50, 2, 2]): Float32Array =>
    drawParam(spec("w", shape, { init }), seededRng(1));
  const std = (values: Float32Array): number =>
    Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);

  it("draws with PyTorch's fans", () => {
    expect(std(draw({ kind: "normal", std: 0.02 }))).toBeCloseTo(0.02, 3);
    expect(std(draw({ kind: "kaiming-normal" }))).toBeCloseTo(Math.sqrt(2 / 200), 3);
    const bound = Math.sqrt(6 / (200 + 800));
    const xavier = draw({ kind: "xavier-uniform" });
    expect(Math.max(...xavier)).toBeLessThan(bound);
    expect(std(xavier)).toBeCloseTo(bound / Math.sqrt(3), 3);
    const cut = draw({ kind: "truncated-normal", std: 2 });
    expect(cut.every((value) => Math.abs(value) <= 2)).toBe(true);
    expect(std(cut)).toBeLessThan(1.2);
    expect([...draw({ kind: "constant", value: 0.1 }, [2])]).toEqual([Math.fround(0.1), Math.fround(0.1)]);
    expect([...draw({ kind: "ones" }, [1]), ...draw({ kind: "zeros" }, [1])]).toEqual([1, 0]);
  });
});

describeOnBackends("parameters", () => {
  it("are drawn the same for a seed, whatever stands beside them", async () => {
    const all = initParams(specs, 3);
    const alone = initParams([specs[1]!], 3);
    const other = initParams([specs[1]!], 4);
    expect(all["fc.weight"]!.shape).toEqual([3, 5]);
    await expectClose(all["conv.weight"]!, alone["conv.weight"]!);
    expect(await other["conv.weight"]!.data()).not.toEqual(await alone["conv.weight"]!.data());
  });

  it("survive a tidy, and go when disposed", () => {
    const before = tf.memory().numTensors;
    const params = tf.tidy(() => {
      initParams(specs, 1);
      return initParams(specs, 1);
    });
    expect(tf.memory().numTensors - before).toBe(2 * specs.length);
    disposeParams(params);
    disposeParams(params);
    expect(tf.memory().numTensors - before).toBe(specs.length);
  });

  it("come from a file and go back to it unchanged", async () => {
    const params = await loadParams(specs, file());
    expect(params["up.weight"]!.shape).toEqual([2, 1, 4, 3]);
    await expectClose(params["fc.weight"]!, tf.transpose(tf.tensor2d(counting([5, 3]), [5, 3])));
    const saved = await saveParams(specs, params);
    for (const { name, shape } of specs) {
      expect(saved[name]).toEqual({ shape, values: counting(shape) });
    }
    await expect(saveParams(specs, { ...params, "fc.weight": tf.ones([5, 3]) })).rejects.toThrow(/\[3,5\]/);
  });

  it("are refused with every difference named", async () => {
    const wrong = file((tensors) => {
      delete tensors["fc.weight"];
      tensors["extra.weight"] = { shape: [1], values: counting([1]) };
      tensors["norm.mean"] = { shape: [5], values: counting([5]) };
    });
    const before = tf.memory().numTensors;
    const error: unknown = await loadParams(specs, wrong).catch((reason) => reason);
    if (!isGlofError(error, "parameter-mismatch")) throw error;
    expect(error.details.report as LoadReport).toEqual({
      loaded: ["conv.weight", "up.weight"],
      missing: ["fc.weight"],
      unused: ["extra.weight"],
      misshaped: [{ name: "norm.mean", expected: [4], got: [5] }],
    });
    expect(error.message).toMatch(/missing from the file: fc\.weight[\s\S]*unknown to the model: extra/);
    expect(tf.memory().numTensors).toBe(before);
  });

  it("may miss what is allowed, drawn as the model would, and report it", async () => {
    const partial = file((tensors) => {
      delete tensors["conv.weight"];
      tensors["head.bias"] = { shape: [1], values: counting([1]) };
    });
    const reports: LoadReport[] = [];
    const params = await loadParams(specs, partial, {
      allowMissing: [/^conv\./g],
      allowUnused: [/^head\./],
      seed: 3,
      onReport: (report) => reports.push(report),
    });
    await expectClose(params["conv.weight"]!, initParams(specs, 3)["conv.weight"]!);
    expect(reports[0]?.missing).toEqual(["conv.weight"]);
    expect(reports[0]?.unused).toEqual([]);
  });

  it("leave nothing behind when loading stops", async () => {
    const broken: Checkpoint = {
      ...file(),
      readFloat32: async (name) => {
        if (name === "up.weight") throw new Error("torn");
        return counting(specs.find((one) => one.name === name)!.shape);
      },
    };
    const before = tf.memory().numTensors;
    await expect(loadParams(specs, broken)).rejects.toThrow("torn");
    await expect(loadParams(specs, file(), { signal: AbortSignal.abort() })).rejects.toThrow();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describeOnBackends(
  "records of parameters",
  () => {
    const record = (): Record<string, tf.Tensor> => ({
      "blocks.0.w": tf.scalar(0),
      "blocks.10.w": tf.scalar(1),
      "head.w": tf.scalar(2),
    });

    it("are cut by prefix", () => {
      const params = record();
      expect(subParams(params, "blocks.0.")).toEqual({ w: params["blocks.0.w"] });
      expect(() => subParams(params, "block.")).toThrow(/block\./);
    });

    it("are counted from the table", () => {
      expect(countParams(specs)).toEqual({ weights: 15 + 24 + 24, buffers: 4 });
    });

    it("are parted by the first rule that matches", () => {
      const params = record();
      const { trainable, frozen } = partition(params, [
        [/^blocks\.10\./g, "train"],
        [/^blocks\./, "freeze"],
        [/^head/, "train"],
      ]);
      expect(Object.keys(trainable)).toEqual(["blocks.10.w", "head.w"]);
      expect(frozen).toEqual({ "blocks.0.w": params["blocks.0.w"] });
    });

    it("are refused with idle rules or uncovered names", () => {
      expect(() => partition(record(), [[/^blocks/, "freeze"]])).toThrow(/without a rule \[head\.w\]/);
      expect(() =>
        partition(record(), [
          [/.*/, "freeze"],
          [/^head/, "train"],
        ]),
      ).toThrow(/without effect \[\/\^head\/\]/);
    });
  },
  { backends: ["cpu"] },
);
