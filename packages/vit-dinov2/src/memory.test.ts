import { type Checkpoint, checkpointFromTensors } from "@glof/checkpoint";
import { disposeParams, saveParams } from "@glof/nn";
import { describeOnBackends, expectClose, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { buildDinov2, type Dinov2Model } from "./index.js";

const exact = { atol: 0, rtol: 0 };
const model = buildDinov2({ embedDim: 64, depth: 3, heads: 2, imageSizePx: 56, registers: 2, baseDepth: 3 });
const images = (): tf.Tensor4D => tf.randomNormal([2, 42, 70, 3], 0, 1, "float32", 6);

async function fileOf(from: Dinov2Model, seed: number): Promise<Checkpoint> {
  const params = from.init(seed);
  const file = checkpointFromTensors(await saveParams(from.specs, params));
  disposeParams(params);
  return file;
}

/** A file whose reading fails or is cancelled after so many tensors. */
function breaking(file: Checkpoint, after: number, onBreak: () => void): Checkpoint {
  let left = after;
  const counted = <T>(read: () => Promise<T>): Promise<T> => {
    if (--left < 0) onBreak();
    return read();
  };
  return {
    ...file,
    readBytes: (name) => counted(() => file.readBytes(name)),
    readFloat32: (name) => counted(() => file.readFloat32(name)),
  };
}

describeOnBackends(
  "the same input twice",
  () => {
    it("is bit-equal, from forward and from intermediates", async () => {
      const params = model.init(1);
      const pictures = images();
      const run = async (): Promise<Uint8Array[]> => {
        const { clsToken, registerTokens, patchTokens, prenorm } = model.forward(params, pictures);
        const layers = model.intermediates(params, pictures, 3).flatMap((one) => [one.patches, one.clsToken]);
        const all = [clsToken, registerTokens, patchTokens, prenorm, ...layers];
        const values = await Promise.all(all.map((tensor) => tensor.data<"float32">()));
        tf.dispose(all);
        return values.map((array) => new Uint8Array(array.slice().buffer));
      };
      const first = await run();
      for (let time = 0; time < 3; time++) expect(await run()).toEqual(first);
      disposeParams(params);
    });
  },
  { backends: ["cpu", "wasm"] },
);

describeOnBackends("memory", () => {
  it("is all given back by disposing, of init and of load", async () => {
    const file = await fileOf(model, 1);
    const { numTensors, numBytes } = tf.memory();
    const fresh = model.init(4);
    const loaded = await model.load(file);
    expect(tf.memory().numTensors).toBe(numTensors + 2 * model.specs.length);
    disposeParams(fresh);
    disposeParams(loaded);
    expect(tf.memory()).toMatchObject({ numTensors, numBytes });
  });

  it("does not grow by forward, intermediates and load", async () => {
    const file = await fileOf(model, 1);
    const params = model.init(1);
    const pictures = images();
    await expectNoTensorGrowth(() => tf.dispose({ ...model.forward(params, pictures) }));
    const masks = tf.tensor2d(new Float32Array(30).fill(1), [2, 15]);
    await expectNoTensorGrowth(() =>
      tf.dispose({ ...model.forward(params, pictures, undefined, { masks }) }),
    );
    await expectNoTensorGrowth(() => {
      const taken = model.intermediates(params, pictures, [0, 2], { registers: true, reshape: false });
      for (const { patches, clsToken, registerTokens } of taken)
        tf.dispose([patches, clsToken, registerTokens!]);
    });
    await expectNoTensorGrowth(async () => disposeParams(await model.load(file)));
    await expectNoTensorGrowth(() => {
      const odd = tf.zeros<tf.Rank.R4>([1, 15, 14, 3]);
      expect(() => model.forward(params, odd)).toThrow(/multiples of 14/);
      return odd;
    });
    tf.dispose([pictures, masks]);
    disposeParams(params);
  });

  it("keeps nothing of a load that fails or is cancelled, wherever that happens", async () => {
    const file = await fileOf(model, 1);
    const before = tf.memory().numTensors;
    for (const after of [0, 1, 7, model.specs.length - 1]) {
      const broken = breaking(file, after, () => {
        throw new Error("the disk is gone");
      });
      await expect(model.load(broken)).rejects.toThrow("the disk is gone");
      const controller = new AbortController();
      const stopped = breaking(file, after, () => controller.abort());
      if (after < model.specs.length - 1) {
        await expect(model.load(stopped, { signal: controller.signal })).rejects.toMatchObject({
          code: "aborted",
        });
      }
    }
    const other = buildDinov2({ ...model.config, depth: 4, baseDepth: 4 });
    await expect(other.load(file)).rejects.toMatchObject({ code: "parameter-mismatch" });
    expect(tf.memory().numTensors).toBe(before);
  });

  it("lets two models of the same names live side by side", async () => {
    const twin = buildDinov2(model.config);
    const pictures = images();
    const [one, two] = [model.init(1), twin.init(2)];
    const alone = model.forward(one, pictures).prenorm;
    const other = twin.forward(two, pictures).prenorm;
    expect((await tf.max(tf.abs(tf.sub(alone, other))).data())[0]).toBeGreaterThan(1e-2);
    await expectClose(model.forward(one, pictures).prenorm, alone, exact);
    await expectClose(twin.forward(two, pictures).prenorm, other, exact);
    disposeParams(one);
    await expectClose(twin.forward(two, pictures).prenorm, other, exact);
    disposeParams(two);
  });
});
