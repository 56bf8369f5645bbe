import { isGlofError } from "@glof/core";
import { disposeParams, installWebgpuKernels, type Params, withReferenceKernels } from "@glof/nn";
import { describeOnBackends, expectClose, expectNoTensorGrowth, tolerances } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it, vi } from "vitest";
import { adam, adamW } from "./adam.js";
import { clipByGlobalNorm, clipByValue, globalNorm } from "./clip.js";
import type { FitOptions } from "./fit_options.js";
import { disposeOptimizerState, noDecayOnVectors, type OptimizerState } from "./optimizer.js";
import { reduceLrOnPlateau } from "./plateau.js";
import { rmsProp } from "./rmsprop.js";
import {
  cosineLr,
  cosineRestartsLr,
  dinov2CosineLr,
  linearLr,
  multiStepLr,
  oneCycleLr,
  sequentialLr,
  warmupCosineLr,
} from "./schedules.js";
import { sgd } from "./sgd.js";
import { trainStep, type Weights } from "./train_step.js";

describeOnBackends("optimisers", () => {
  it("steps AdamW as worked by hand", async () => {
    const optimizer = adamW({ lr: 0.1, weightDecay: 0.5 });
    const params = { w: tf.tensor1d([1, -2]) };
    const first = optimizer.update(params, { w: tf.tensor1d([0.5, -4]) }, {});
    // After bias correction the first step is lr times the sign, beside the decay of lr * wd.
    await expectClose(first.params.w!, tf.tensor1d([1 * 0.95 - 0.1, -2 * 0.95 + 0.1]), tolerances.tight);
    const second = optimizer.update(first.params, { w: tf.tensor1d([0.5, -4]) }, first.state);
    expect(second.state.w!.step).toBe(2);
    await expectClose(
      second.params.w!,
      tf.tensor1d([0.85 * 0.95 - 0.1, -1.8 * 0.95 + 0.1]),
      tolerances.tight,
    );
  });

  it("keeps moments by name and leaves alone what has no gradient", async () => {
    const optimizer = adamW({ lr: 0.1 });
    const params = { a: tf.scalar(1), b: tf.scalar(1) };
    const one = optimizer.update(params, { a: tf.scalar(1) }, {});
    expect(Object.keys(one.state)).toEqual(["a"]);
    await expectClose(one.params.b!, params.b);
    const two = optimizer.update(one.params, { b: tf.scalar(1) }, one.state);
    expect([two.state.a!.step, two.state.b!.step]).toEqual([1, 1]);
  });

  it("spares vectors and tokens from decay by a rule, and schedules each group from its own rate", async () => {
    const groups = [{ match: /^slow/, lr: 0.01 }, noDecayOnVectors];
    const optimizer = sgd({ lr: 1, weightDecay: 0.5, groups });
    const params = {
      "slow.weight": tf.ones([2, 2]),
      "norm.weight": tf.ones([2]),
      cls_token: tf.ones([1, 1, 2]),
      "fc.weight": tf.ones([2, 2]),
    };
    const zeros = Object.fromEntries(
      Object.entries(params).map(([name, tensor]) => [name, tf.zerosLike(tensor)]),
    );
    const { params: next } = optimizer.update(params, zeros, {}, (lr) => lr / 2);
    const first = async (name: keyof typeof params) => (await next[name]!.data())[0];
    expect(await first("slow.weight")).toBeCloseTo(1 - 0.005 * 0.5, 6);
    expect(await first("norm.weight")).toBe(1);
    expect(await first("cls_token")).toBe(1);
    expect(await first("fc.weight")).toBeCloseTo(0.75, 6);
  });

  it.each([
    adamW({ lr: 0.1, amsgrad: true }),
    adam({ lr: 0.1, weightDecay: 0.1 }),
    sgd({ lr: 0.1, momentum: 0.9, nesterov: true }),
    rmsProp({ lr: 0.1, momentum: 0.9, centered: true }),
  ])("$kind goes downhill and leaves no tensor behind", async (optimizer) => {
    const params = { w: tf.tensor1d([3, -2]) };
    const grads = { w: tf.tensor1d([3, -2]) };
    const { params: next, state } = optimizer.update(params, grads, {});
    const [a, b] = await next.w!.data();
    expect(a).toBeLessThan(3);
    expect(b).toBeGreaterThan(-2);
    await expectNoTensorGrowth(() => {
      const again: { params: Record<string, tf.Tensor>; state: OptimizerState } = optimizer.update(
        params,
        grads,
        state,
      );
      tf.dispose({ ...again.params });
      disposeOptimizerState(again.state);
    });
  });

  it.each([
    adamW({ lr: 0.1, amsgrad: true }),
    adamW({ lr: 0.1, groups: [noDecayOnVectors] }),
    sgd({ lr: 0.1, momentum: 0.9 }),
    rmsProp({ lr: 0.1, momentum: 0.9 }),
  ])(
    "$kind gives the same when it may give up what it was given, and then gives up all of it",
    async (optimizer) => {
      const before = tf.memory().numTensors;
      const twoSteps = async (donate: boolean): Promise<number[]> => {
        const start = { w: tf.tensor2d([[3, -2]]), b: tf.tensor1d([0.5]), still: tf.scalar(7) };
        const grads = () => ({ w: tf.tensor2d([[1, 2]]), b: tf.tensor1d([-3]) });
        const given = [grads(), grads()] as const;
        const first = optimizer.update(start, given[0], {}, undefined, { donate });
        const second = optimizer.update(first.params, given[1], first.state, undefined, { donate });
        const old = [start, first.params, ...given].flatMap((record) => Object.values<tf.Tensor>(record));
        expect(old.map(({ isDisposed }) => isDisposed)).toEqual(old.map(() => donate));
        const { w, b, still } = second.params;
        const moments = Object.values({ ...second.state.w!.tensors, ...second.state.b!.tensors });
        const values = await Promise.all([w!, b!, still!, ...moments].map((one) => one.data()));
        for (const state of [first.state, second.state]) disposeOptimizerState(state);
        tf.dispose([old, { ...second.params }]);
        return values.flatMap((one) => [...one]);
      };
      expect(await twoSteps(true)).toEqual(await twoSteps(false));
      expect(tf.memory().numTensors).toBe(before);
    },
  );

  it("holds parameters and moments once where it may give up the old ones", async () => {
    const [count, size] = [20, 1000];
    const make = (value: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`w${at}`, tf.fill([size], value)]));
    const optimizer = adamW({ lr: 0.1 });
    const first = optimizer.update(make(1), make(0.5), {}, undefined, { donate: true });
    const [runKernel, start] = [tf.engine().runKernel, tf.memory().numDataBuffers];
    let most = 0;
    const seen = vi.spyOn(tf.engine(), "runKernel").mockImplementation((...call) => {
      const result = runKernel.apply(tf.engine(), call);
      most = Math.max(most, tf.memory().numDataBuffers);
      return result;
    });
    const { grads, norm } = await clipByGlobalNorm(make(2), 1, { donate: true });
    const next = optimizer.update(first.params, grads, first.state, undefined, { donate: true });
    seen.mockRestore();
    expect(norm).toBeCloseTo(2 * Math.sqrt(count * size), 1);
    // The gradients, a number each for their norm, and what one parameter takes on the way.
    expect(most - start).toBeLessThan(2 * count + 12);
    expect(tf.memory().numDataBuffers).toBe(start);
    tf.dispose({ ...next.params });
    disposeOptimizerState(next.state);
  });

  it("clips by the norm of all gradients together", async () => {
    const grads = { a: tf.tensor1d([3, 0]), b: tf.scalar(-4) };
    expect(await globalNorm(grads)).toBeCloseTo(5, 5);
    const { grads: clipped, norm } = await clipByGlobalNorm(grads, 1);
    expect(norm).toBeCloseTo(5, 5);
    await expectClose(clipped.a!, tf.tensor1d([0.6, 0]), tolerances.tight);
    expect(await globalNorm(grads, { normType: Number.POSITIVE_INFINITY })).toBe(4);
    await expectClose(clipByValue(grads, 2).b!, tf.scalar(-2));
    const before = tf.memory().numTensors;
    tf.dispose({ ...(await clipByGlobalNorm(grads, 1)).grads });
    expect(tf.memory().numTensors).toBe(before);
    for (const maxNorm of [1, 100]) {
      const given = { a: tf.tensor1d([3, 0]), b: tf.scalar(-4) };
      const { grads: kept } = await clipByGlobalNorm(given, maxNorm, { donate: true });
      expect([given.a.isDisposed, given.b.isDisposed]).toEqual([true, true]);
      await expectClose(kept.a!, tf.tensor1d([3 * Math.min(1, maxNorm / 5), 0]), tolerances.tight);
      tf.dispose({ ...kept });
    }
  });
});

describeOnBackends(
  "optimisers on WebGPU",
  () => {
    it("clip and step many parameters in a dispatch a group and large matrix", async () => {
      await installWebgpuKernels();
      const params: Record<string, tf.Tensor> = { large: tf.fill([257, 256], 0.5), still: tf.ones([3]) };
      const grads: Record<string, tf.Tensor> = { large: tf.fill([257, 256], 0.1) };
      for (let at = 0; at < 20; at++) {
        params[`norm${at}`] = tf.fill([at + 1], at / 10);
        params[`weight${at}`] = tf.fill([at + 1, 3], -at / 10);
        grads[`norm${at}`] = tf.range(0, at + 1);
        grads[`weight${at}`] = tf.fill([at + 1, 3], at / 7);
      }
      const optimizer = adamW({ lr: 0.1, weightDecay: 0.5, groups: [noDecayOnVectors] });
      const steps = async () => {
        const { grads: clipped, norm } = await clipByGlobalNorm(grads, 1);
        const first = optimizer.update(params, clipped, {});
        return { ...optimizer.update(first.params, clipped, first.state), norm };
      };
      await (await steps()).params.large!.data();
      const seen = vi.spyOn(GPUComputePassEncoder.prototype, "dispatchWorkgroups");
      const fast = await steps();
      // The norm; the large gradient and the others times the factor; two steps of two groups and the large matrix.
      expect(seen).toHaveBeenCalledTimes(1 + 2 + 2 * 3);
      seen.mockRestore();
      const reference = await withReferenceKernels(steps);
      expect(fast.norm / reference.norm).toBeCloseTo(1, 6);
      expect(Object.keys(fast.params)).toEqual(Object.keys(params));
      expect(fast.state.still).toBeUndefined();
      for (const [name, want] of Object.entries(reference.params)) {
        expect(fast.params[name]!.shape).toEqual(want.shape);
        await expectClose(fast.params[name]!, want, { atol: 1e-6, rtol: 1e-5 });
      }
      for (const [name, { tensors }] of Object.entries(reference.state)) {
        expect(fast.state[name]!.step).toBe(2);
        await expectClose(fast.state[name]!.tensors.exp_avg_sq!, tensors.exp_avg_sq!, {
          atol: 1e-12,
          rtol: 1e-5,
        });
      }
    });

    it("train with clipping and averages of weights as the composition does, and leave no tensor behind", async () => {
      await installWebgpuKernels();
      const model = {
        forward: ({ w1, b1, w2 }: Params, x: tf.Tensor) =>
          tf.matMul(tf.tanh(tf.add(tf.matMul(x, w1!), b1!)), w2!),
      } as FitOptions<tf.Tensor>["model"];
      const batches = async () => ({ input: tf.ones([4, 3]), target: tf.ones([4, 1]) });
      const options = {
        model,
        batches,
        loss: (logits: tf.Tensor, target: tf.Tensor) =>
          tf.mean(tf.square(tf.sub(logits, target))) as tf.Scalar,
        optimizer: adamW({ lr: 0.1, groups: [noDecayOnVectors] }),
        clipNorm: 0.01,
        ema: 0.9,
      } as unknown as FitOptions<tf.Tensor>;
      const initial = (): Params => ({
        w1: tf.fill([3, 2], 0.1),
        b1: tf.zeros([2]),
        w2: tf.fill([2, 1], 0.2),
      });
      const run = async () => {
        const weights: Weights = { trainable: initial(), frozen: {}, optimizer: {}, ema: initial() };
        const reports = [];
        for (const step of [0, 1, 2]) reports.push(await trainStep(step, weights, options));
        const kept = await Promise.all(
          Object.values(weights.ema!).map(async (one) => [...(await one.data())]),
        );
        disposeParams(weights.ema!);
        disposeParams(weights.trainable);
        disposeOptimizerState(weights.optimizer);
        return { norms: reports.map(({ gradNorm }) => gradNorm!), kept: kept.flat() };
      };
      const before = tf.memory().numTensors;
      const [fast, reference] = [await run(), await withReferenceKernels(run)];
      expect(tf.memory().numTensors).toBe(before);
      for (const name of ["norms", "kept"] as const) {
        await expectClose(tf.tensor1d(fast[name]), reference[name], { atol: 1e-6, rtol: 1e-4 });
      }
    });
  },
  { backends: ["webgpu"] },
);

describe("refusals", () => {
  it.each([
    () => adamW({ lr: -1 }),
    () => sgd({ lr: 1, weightDecay: Number.NaN }),
    () => sgd({ lr: 1, nesterov: true }),
  ])("%s", (call) => {
    expect(call).toThrow(expect.toSatisfy((error) => isGlofError(error, "bad-argument")));
  });
});

describe("schedules", () => {
  it("warms up to the rate and comes down to the floor", () => {
    const schedule = warmupCosineLr({ warmupSteps: 10, steps: 110, minLr: 0.1, startFactor: 0.01 });
    expect(schedule(0, 1)).toBeCloseTo(0.01, 12);
    expect(schedule(10, 1)).toBe(1);
    expect(schedule(60, 1)).toBeCloseTo(0.55, 12);
    expect(schedule(110, 1)).toBeCloseTo(0.1, 12);
    expect(schedule(500, 1)).toBeCloseTo(0.1, 12);
    expect(warmupCosineLr({ warmupSteps: 0, steps: 10 })(0, 1)).toBe(1);
  });

  it("strings schedules together", () => {
    const schedule = sequentialLr([linearLr({ startFactor: 0, steps: 4 }), cosineLr({ steps: 4 })], [4]);
    expect([0, 2, 4, 6, 8].map((step) => schedule(step, 1))).toEqual([0, 0.5, 1, expect.closeTo(0.5, 12), 0]);
  });

  it("restarts, steps down, cycles", () => {
    const restarts = cosineRestartsLr({ firstCycle: 5, cycleFactor: 2 });
    expect([0, 5, 15].map((step) => restarts(step, 1))).toEqual([1, 1, 1]);
    expect(multiStepLr({ milestones: [2, 2, 4], gamma: 0.5 })(3, 1)).toBe(0.25);
    const cycle = oneCycleLr({ maxLr: 1, steps: 11, riseShare: 0.5 });
    expect(cycle(10, 9)).toBeCloseTo(1 / 25 / 1e4, 12);
    const dino = dinov2CosineLr({ steps: 10, minLr: 0.1, warmupSteps: 3, freezeSteps: 2 });
    expect([0, 1, 2, 4, 5, 99].map((step) => dino(step, 1))).toEqual([0, 0, 0, 1, 1, 0.1]);
  });

  it("lowers the rate when a metric stands still", () => {
    const rule = reduceLrOnPlateau({ lr: 1, patience: 1, factor: 0.5, mode: "max" });
    let state = rule.start;
    const rates = [0.1, 0.2, 0.2, 0.2, 0.2, 0.2].map((metric) => {
      state = rule.observe(state, metric);
      return state.lr;
    });
    expect(rates).toEqual([1, 1, 1, 0.5, 0.5, 0.25]);
  });
});
