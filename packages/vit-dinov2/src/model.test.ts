import { disposeParams, valueAndGrad } from "@glof/nn";
import { describeOnBackends, expectClose, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { buildDinov2, centerPad, centerPadding, classifierFeatures, type Dinov2Features } from "./index.js";

const sizes = { embedDim: 12, depth: 3, heads: 3, imageSizePx: 28, bands: ["B02", "B03", "B04", "B08"] };

const picture = (batch = 2, rows = 28, cols = 42, seed = 3): tf.Tensor4D =>
  tf.randomNormal([batch, rows, cols, 4], 0, 1, "float32", seed);

const dispose = (features: Dinov2Features): void => tf.dispose({ ...features });

describeOnBackends("buildDinov2", () => {
  it("gives tokens of the stated shapes, also with registers and SwiGLU", () => {
    const model = buildDinov2({ ...sizes, registers: 2, ffn: "swiglu" });
    const features = model.forward(model.init(1), picture());
    expect(features.clsToken.shape).toEqual([2, 12]);
    expect(features.registerTokens.shape).toEqual([2, 2, 12]);
    expect(features.patchTokens.shape).toEqual([2, 6, 12]);
    expect(features.prenorm.shape).toEqual([2, 9, 12]);
    const plain = buildDinov2(sizes);
    expect(plain.forward(plain.init(1), picture()).registerTokens.shape).toEqual([2, 0, 12]);
  });

  it("takes intermediate layers as numbers or a count, shallow to deep", async () => {
    const model = buildDinov2(sizes);
    const params = model.init(1);
    const images = picture();
    const last = model.intermediates(params, images, 2);
    const named = model.intermediates(params, images, [2, 1]);
    expect(last.map(({ layer }) => layer)).toEqual([1, 2]);
    expect(named.map(({ layer }) => layer)).toEqual([1, 2]);
    expect(last[1]!.patches.shape).toEqual([2, 2, 3, 12]);
    const features = model.forward(params, images);
    await expectClose(tf.reshape(named[1]!.patches, [2, 6, 12]), features.patchTokens);
    await expectClose(named[1]!.clsToken, features.clsToken);
    const raw = model.intermediates(params, images, [2], { norm: false, reshape: false });
    await expectClose(raw[0]!.patches, tf.slice(features.prenorm, [0, 1, 0], [2, 6, 12]));
  });

  it("gives the register tokens of a layer when asked, between cls and patches", async () => {
    const model = buildDinov2({ ...sizes, registers: 2 });
    const params = model.init(1);
    const features = model.forward(params, picture());
    const [plain] = model.intermediates(params, picture(), 1);
    expect(plain).not.toHaveProperty("registerTokens");
    const [normed] = model.intermediates(params, picture(), 1, { registers: true });
    await expectClose(normed!.registerTokens!, features.registerTokens);
    const [raw] = model.intermediates(params, picture(), [2], { registers: true, norm: false });
    await expectClose(raw!.registerTokens!, tf.slice(features.prenorm, [0, 1, 0], [2, 2, 12]));
    await expectClose(raw!.clsToken, tf.reshape(tf.slice(features.prenorm, [0, 0, 0], [2, 1, 12]), [2, 12]));
    const none = buildDinov2(sizes);
    const [empty] = none.intermediates(none.init(1), picture(), 1, { registers: true });
    expect(empty!.registerTokens!.shape).toEqual([2, 0, 12]);
  });

  it("runs no block behind the last wanted one", async () => {
    const model = buildDinov2(sizes);
    const params = model.init(1);
    const broken = tf.fill([12], Number.NaN);
    const [first] = model.intermediates({ ...params, "blocks.2.norm1.weight": broken }, picture(), [0]);
    const [expected] = buildDinov2({ ...sizes, depth: 1 }).intermediates(params, picture(), [0]);
    await expectClose(first!.patches, expected!.patches, { atol: 0, rtol: 0 });
  });

  it("leaves no tensor behind", async () => {
    const model = buildDinov2({ ...sizes, registers: 1 });
    const params = model.init(1);
    const images = picture();
    await expectNoTensorGrowth(() => dispose(model.forward(params, images)));
    await expectNoTensorGrowth(() => {
      for (const { patches, clsToken } of model.intermediates(params, images, [0, 2]))
        tf.dispose([patches, clsToken]);
    });
    await expectNoTensorGrowth(() =>
      classifierFeatures(buildDinov2({ ...sizes, registers: 1 }), params, images, 1),
    );
    disposeParams(params);
  });

  it("puts the mask token where the mask says, and nowhere else", async () => {
    const model = buildDinov2({ ...sizes, depth: 1 });
    const params = { ...model.init(1) };
    const images = picture(1);
    const masks = tf.tensor2d([[1, 1, 1, 1, 1, 1]]);
    const seen = model.forward(params, images, undefined, { masks });
    const other = model.forward(params, picture(1, 28, 42, 9), undefined, { masks });
    await expectClose(seen.patchTokens, other.patchTokens, { atol: 0, rtol: 0 });
    const none = model.forward(params, images, undefined, { masks: tf.zeros([1, 6]) as tf.Tensor2D });
    await expectClose(none.patchTokens, model.forward(params, images).patchTokens, { atol: 0, rtol: 0 });
  });

  it("drops paths in training only, and by its seed", async () => {
    const model = buildDinov2({ ...sizes, dropPathRate: 0.5 });
    const params = model.init(1);
    const images = picture(4);
    const run = (training: boolean, seed: number): tf.Tensor =>
      model.forward(params, images, { training, seed }).prenorm;
    await expectClose(run(false, 1), run(false, 2), { atol: 0, rtol: 0 });
    await expectClose(run(true, 7), run(true, 7), { atol: 0, rtol: 0 });
    const difference = (await tf.max(tf.abs(tf.sub(run(true, 7), run(true, 8)))).data())[0]!;
    expect(difference).toBeGreaterThan(1e-3);
  });

  it("drops at one rate in every block when that is uniform", async () => {
    const one = { ...sizes, depth: 1, dropPathRate: 0.5 };
    const params = buildDinov2(one).init(1);
    const images = picture(8);
    const run = (model: ReturnType<typeof buildDinov2>, training: boolean): tf.Tensor =>
      model.forward(params, images, { training, seed: 3 }).prenorm;
    const growing = buildDinov2(one);
    await expectClose(run(growing, true), run(growing, false), { atol: 0, rtol: 0 });
    const uniform = buildDinov2({ ...one, dropPathUniform: true });
    await expectClose(run(uniform, false), run(growing, false), { atol: 0, rtol: 0 });
    const difference = (await tf.max(tf.abs(tf.sub(run(uniform, true), run(uniform, false)))).data())[0]!;
    expect(difference).toBeGreaterThan(1e-3);
  });

  it("lets every weight of an added block learn, or none of it, as its mode says", async () => {
    const loss = async (extraBlocks: "zero-gamma" | "zero-proj" | "all-zero"): Promise<string[]> => {
      const model = buildDinov2({ ...sizes, baseDepth: 2, extraBlocks });
      const params = model.init(1);
      const images = picture(1);
      const base = buildDinov2({ ...sizes, depth: 2 }).forward(params, images);
      const whole = model.forward(params, images);
      await expectClose(whole.prenorm, base.prenorm, { atol: 0, rtol: 0 });
      const added = Object.fromEntries(
        Object.entries(params).filter(([name]) => name.startsWith("blocks.2.")),
      );
      const { grads } = valueAndGrad(
        (trainable) =>
          tf.sum(
            tf.square(
              tf.slice(model.forward({ ...params, ...trainable }, images).patchTokens, [0, 0, 0], [1, 6, 5]),
            ),
          ),
        added,
      );
      const reached: string[] = [];
      for (const [name, gradient] of Object.entries(grads)) {
        const most = (await tf.max(tf.abs(gradient)).data())[0]!;
        if (most > 0) reached.push(name.slice("blocks.2.".length));
      }
      return reached.sort();
    };
    expect(await loss("zero-gamma")).toEqual(["ls1.gamma", "ls2.gamma"]);
    expect(await loss("zero-proj")).toEqual([
      "attn.proj.bias",
      "attn.proj.weight",
      "mlp.fc2.bias",
      "mlp.fc2.weight",
    ]);
    expect(await loss("all-zero")).toEqual([]);
  });

  it("refuses what does not fit, saying what does", () => {
    const model = buildDinov2(sizes);
    const params = model.init(1);
    expect(() => model.forward(params, picture(1, 30, 28))).toThrow(/multiples of 14.*centerPad/);
    expect(() => model.forward(params, tf.zeros([1, 28, 28, 3]) as tf.Tensor4D)).toThrow(
      /B02, B03, B04, B08/,
    );
    expect(() => model.forward({}, picture())).toThrow(/expected a parameter "cls_token"/);
    expect(() => model.intermediates(params, picture(), [3])).toThrow(/block numbers from 0 to 2/);
    expect(() => model.intermediates(params, picture(), 4)).toThrow(/1 to 3 last blocks/);
    expect(() =>
      model.forward(params, picture(), undefined, { masks: tf.zeros([2, 5]) as tf.Tensor2D }),
    ).toThrow(/expected masks \[2, 6\]/);
  });
});

describeOnBackends("centerPad", () => {
  it("adds the smaller half at the top and left", async () => {
    expect(centerPadding([15, 30], 14)).toEqual({ top: 6, bottom: 7, left: 6, right: 6 });
    const padded = centerPad(tf.ones([1, 15, 30, 1]) as tf.Tensor4D);
    expect(padded.shape).toEqual([1, 28, 42, 1]);
    await expectClose(tf.slice(padded, [0, 6, 6, 0], [1, 15, 30, 1]), tf.ones([1, 15, 30, 1]));
    await expectClose(tf.sum(padded), 450);
    expect(centerPad(tf.ones([1, 28, 28, 1]) as tf.Tensor4D).shape).toEqual([1, 28, 28, 1]);
    expect(() => centerPadding([15, 30], 0)).toThrow(/multiple of 1 or more/);
  });
});

describe("configs", () => {
  it.each([
    [{ heads: 5 }, /heads/],
    [{ depth: 0 }, /depth/],
    [{ depth: 1e9 }, /at most 1000/],
    [{ bands: [] }, /bands/],
    [{ bands: "RGB" as unknown as string[] }, /a list/],
    [{ bands: ["B02", "B02"] }, /different names/],
    [{ baseDepth: 4 }, /baseDepth/],
    [{ dropPathRate: 1 }, /dropPathRate/],
    [{ imageSizePx: 7 }, /imageSizePx/],
    [{ layerScale: null, baseDepth: 2 }, /zero-proj/],
  ])("%j is refused", (change, message) => {
    expect(() => buildDinov2({ ...sizes, ...change })).toThrow(message);
  });

  it("takes undefined as absent", () => {
    expect(buildDinov2({ ...sizes, ffn: undefined, depth: 3 }).config.ffn).toBe("mlp");
  });
});
