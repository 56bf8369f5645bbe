import { isGlofError, type ProgressEvent } from "@glof/core";
import { describeOnBackends, expectClose, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, expect, it } from "vitest";
import { multiHeadAttention } from "../../ops/attention.js";
import { conv2d } from "../../ops/conv2d.js";
import { linear } from "../../ops/linear.js";
import { seededTensor } from "../../testing/directional_gradient.js";
import { valueAndGrad } from "../../value_and_grad.js";
import { internalsOf } from "../backend_internals.js";
import { useWebgpuPrecision } from "../precision.js";
import { withFormChooser } from "../product_choice.js";
import { formName, formsOf, likelyForm } from "../product_form.js";
import type { ShaderBackend } from "../shader.js";
import { toHalfStorage } from "../to_half_storage.js";
import { tuneWebgpu, useWebgpuTuning } from "./tune.js";
import type { WebgpuTuning } from "./tuning_table.js";
import { warmUpWebgpu } from "./warm_up.js";

describeOnBackends(
  "tuning",
  () => {
    afterEach(async () => {
      useWebgpuTuning(undefined);
      await useWebgpuPrecision("f32");
    });

    /** Two products of one problem, and a convolution. */
    function model(w: tf.Tensor): tf.Tensor {
      return tf.tidy(() => {
        const x = seededTensor([70, 18], "x", -1, 1);
        const y = tf.add(linear(x, w), linear(tf.neg(x), tf.mul(w, 2)));
        const images = tf.reshape(y, [1, 7, 10, 68]) as tf.Tensor4D;
        const filter = seededTensor([3, 3, 68, 5], "f", -1, 1) as tf.Tensor4D;
        return conv2d(images, filter, undefined, { padding: 1 });
      });
    }

    it("measures the products of a pass, and the fastest forms are used from then on", async () => {
      const w = seededTensor([18, 68], "w", -1, 1);
      const before = model(w);
      const events: ProgressEvent[] = [];
      const { tuning, problems } = await tuneWebgpu(() => model(w).dispose(), {
        repeats: 1,
        onProgress: (event) => events.push(event),
      });
      expect(events.map(({ done, total }) => [done, total])).toEqual([
        [1, 2],
        [2, 2],
      ]);
      for (const { form, ms, name } of problems) {
        const tiles = [64, 128].flatMap((cols) => [64, 128].map((rows) => `single ${rows}x${cols}`));
        // The convolution's sums are long and its results few.
        const inParts = name.startsWith("patches") ? [`${tiles[0]} in 2`, `${tiles[3]} in 2`] : [];
        expect(Object.keys(ms).sort()).toEqual([...tiles, ...inParts].sort());
        for (const time of Object.values(ms)) expect(time).toBeGreaterThan(0);
        // The likely form is kept for a small gain.
        expect(ms[form]).toBeLessThanOrEqual(Math.min(...Object.values(ms)) / 0.97);
      }
      await expectClose(model(w), before, { rtol: 1e-5, atol: 1e-6 });
      await expectNoTensorGrowth(() => model(w));

      const opposite = Object.fromEntries(
        Object.entries(tuning.choices).map(([name]) => [name, "single 128x64"]),
      );
      const restored = JSON.parse(JSON.stringify({ ...tuning, choices: opposite }));
      expect(useWebgpuTuning(restored)).toMatchObject({ choices: 2 });
      const keys = pipelinesOf(() => model(w));
      expect(keys.every((key) => key.includes("product_128_64"))).toBe(true);
      await expectClose(model(w), before, { rtol: 1e-5, atol: 1e-6 });
    });

    /** Keys of the product pipelines that a pass compiles anew. */
    function pipelinesOf(run: () => tf.Tensor): string[] {
      const { pipelineCache } = internalsOf(tf.backend() as unknown as ShaderBackend);
      for (const key of Object.keys(pipelineCache))
        if (key.startsWith("glof_product")) delete pipelineCache[key];
      run().dispose();
      return Object.keys(pipelineCache).filter((key) => key.startsWith("glof_product"));
    }

    it("measures the forms of matrix units and of weights in halves", async () => {
      await useWebgpuPrecision("f16", { emulate: true });
      const single = seededTensor([18, 256], "w", -1, 1);
      const { w } = await toHalfStorage({ w: single });
      const { problems } = await tuneWebgpu(
        () => tf.tidy(() => void linear(seededTensor([9, 18], "x", -1, 1), w!)),
        {
          repeats: 1,
        },
      );
      expect(problems).toHaveLength(1);
      expect(problems[0]!.name).toMatch(/halfB.*emulated/);
      expect(Object.keys(problems[0]!.ms)).toHaveLength(2);
      tf.dispose([single, w!]);
    });

    it("measures the passes of attention, backwards too, and uses what it is told", async () => {
      const qkv = seededTensor([1, 9, 3 * 8], "qkv", -1, 1);
      const gradient = (): tf.Tensor => {
        const { value, grads } = valueAndGrad(
          ({ x }) => tf.sum(tf.square(multiHeadAttention(x as tf.Tensor3D, 1))) as tf.Scalar,
          { x: qkv },
        );
        value.dispose();
        return grads.x!;
      };
      const before = gradient();
      const tensors = tf.memory().numTensors;
      const { tuning, problems } = await tuneWebgpu(() => gradient().dispose(), { repeats: 1 });
      expect(tf.memory().numTensors).toBe(tensors);
      const passes = ["attention", "attention_statistics", "attention_dq", "attention_dk", "attention_dv"];
      const attention = problems.filter(({ name }) => name.startsWith("attention"));
      expect(attention.map(({ name }) => name.split(" ")[0])).toEqual(passes);
      for (const { ms } of attention) expect(Object.keys(ms)).toHaveLength(4);

      const other = Object.fromEntries(attention.map(({ name }) => [name, "single 32 x 8"]));
      useWebgpuTuning({ ...tuning, choices: other });
      const { pipelineCache } = internalsOf(tf.backend() as unknown as ShaderBackend);
      for (const key of Object.keys(pipelineCache)) if (key.includes("attention")) delete pipelineCache[key];
      await expectClose(gradient(), before, { rtol: 1e-5, atol: 1e-6 });
      const keys = Object.keys(pipelineCache).filter((key) => key.includes("attention"));
      expect(keys).toHaveLength(5);
      expect(keys.every((key) => key.includes("_32_8_"))).toBe(true);
    });

    it("measures the products of a gradient, sums in parts among them, and uses what it is told", async () => {
      const given = { x: seededTensor([600, 18], "x", -1, 1), w: seededTensor([18, 68], "w", -1, 1) };
      const gradient = (): tf.Tensor => {
        const { value, grads } = valueAndGrad(
          ({ x, w }) => tf.sum(tf.square(linear(x!, w!))) as tf.Scalar,
          given,
        );
        tf.dispose([value, grads.x!]);
        return grads.w!;
      };
      const before = gradient();
      const { tuning, problems } = await tuneWebgpu(() => gradient().dispose(), { repeats: 1 });
      const products = ["deep outer 600 x 68 x 18", "deep deep 600 x 18 x 68", "outer outer 18 x 68 x 600"];
      const named = problems.map(({ name }) => products.findIndex((product) => name.startsWith(product)));
      expect(named.sort()).toEqual([0, 1, 2]);
      const ofWeights = problems.find(({ name }) => name.startsWith(products[2]!))!;
      expect(Object.keys(ofWeights.ms)).toContain("single 64x64 in 2");

      useWebgpuTuning({ ...tuning, choices: { ...tuning.choices, [ofWeights.name]: "single 128x128 in 2" } });
      const keys = pipelinesOf(gradient);
      expect(keys.some((key) => /product_128_128_outer_outer.*split/.test(key))).toBe(true);
      await expectClose(gradient(), before, { rtol: 1e-4, atol: 1e-5 });
    });

    it("leaves aside what is no table of this device, and forms that there are not", async () => {
      const { tuning } = await tuneWebgpu(() => undefined);
      expect(useWebgpuTuning({ ...tuning, choices: { "some product": "some form" } })).toMatchObject({
        choices: 1,
      });
      for (const [bad, reason] of [
        [undefined, /none/],
        [null, /no table/],
        ["{}", /no table/],
        [{ ...tuning, choices: { a: 1 } }, /no table/],
        [{ ...tuning, version: 0 }, /version 0/],
        [{ ...tuning, adapter: "another" }, /another/],
      ] as const) {
        expect(useWebgpuTuning(bad)).toEqual({ choices: 0, reason: expect.stringMatching(reason) });
      }
      withFormChooser(
        (backend, problem) => {
          expect(formsOf(backend, problem).map(formName)).toContain(formName(likelyForm(backend, problem)));
          return undefined;
        },
        () => tf.tidy(() => void linear(tf.zeros([5, 4]), tf.zeros([4, 3]))),
      );
    });

    it("stops when it is cancelled, uses what was measured, and leaves no tensor behind", async () => {
      const stop = new AbortController();
      const w = seededTensor([18, 68], "w", -1, 1);
      const tensors = tf.memory().numTensors;
      const measured: string[] = [];
      const heard: WebgpuTuning[] = [];
      const run = tuneWebgpu(() => model(w).dispose(), {
        repeats: 1,
        signal: stop.signal,
        onProgress: ({ note }) => {
          measured.push(note!);
          stop.abort();
        },
        onTuning: (tuning) => heard.push(tuning),
      });
      await expect(run).rejects.toSatisfy((error) => isGlofError(error, "aborted"));
      expect(tf.memory().numTensors).toBe(tensors);
      expect(measured).toHaveLength(1);
      const inUse = await tuneWebgpu(() => undefined);
      expect(heard).toEqual([inUse.tuning]);
      expect(Object.entries(inUse.tuning.choices).map((choice) => choice.join(": "))).toEqual(measured);
    });

    it("goes on after a product whose numbers find no memory", async () => {
      const { device, bufferManager } = internalsOf(tf.backend() as unknown as ShaderBackend);
      const create = device.createBuffer.bind(device);
      let refused = 0;
      // The second product's left operand, and the third one's, which has as many numbers.
      const size = 4 * 37 * 8;
      const notes: string[] = [];
      const spoil = (given: GPUBufferDescriptor): GPUBuffer => {
        if (given.size !== size || given.mappedAtCreation) return create(given);
        refused++;
        // As Dawn gives one that it has no memory for: by its size it is what was asked for.
        return Object.defineProperty(create({ ...given, size: 2 ** 40 }), "size", { value: size });
      };
      const products = [
        [5, 4, 8],
        [37, 8, 4],
        [8, 37, 4],
      ] as const;
      const run = (): void =>
        tf.tidy(() => {
          for (const [m, k, n] of products) linear(tf.zeros([m, k]), tf.zeros([k, n]));
        });
      const tensors = tf.memory().numTensors;
      try {
        const { problems, tuning } = await tuneWebgpu(run, {
          repeats: 1,
          onProgress: ({ done, note }) => {
            notes.push(note!);
            device.createBuffer = done === 1 ? spoil : create;
            // Those that the pass itself had.
            if (done === 1) for (const free of bufferManager.freeBuffers.values()) free.length = 0;
          },
        });
        expect(refused).toBeGreaterThan(0);
        expect(notes[1]).toMatch(/37 x 4 x 8 .*: out of memory/);
        expect(problems.map(({ name }) => name.split(" ").slice(2, 7).join(" "))).toEqual([
          "5 x 8 x 4",
          "8 x 4 x 37",
        ]);
        expect(Object.keys(tuning.choices)).toHaveLength(2);
      } finally {
        device.createBuffer = create;
      }
      expect(tf.memory().numTensors).toBe(tensors);
    });

    it("leaves the choices for what a later pass does not have", async () => {
      const pass = (rows: number) => () => tf.tidy(() => void linear(tf.zeros([rows, 4]), tf.zeros([4, 8])));
      const first = await tuneWebgpu(pass(5), { repeats: 1 });
      const second = await tuneWebgpu(pass(6), { repeats: 1 });
      expect(second.problems).toHaveLength(1);
      expect(Object.keys(second.tuning.choices)).toHaveLength(2);
      expect(second.tuning.choices).toMatchObject(first.tuning.choices);
    });

    it("lets others compute while shaders compile", async () => {
      const w = seededTensor([18, 68], "w", -1, 1);
      const before = await model(w).data();
      pipelinesOf(() => tf.zeros([1]));
      const warm = warmUpWebgpu(() => model(w));
      await expectClose(model(w), before, { rtol: 0, atol: 0 });
      await warm;
      await expectClose(model(w), before, { rtol: 0, atol: 0 });
    });

    it("says when a shader is refused, and leaves nothing of it behind", async () => {
      const { device, pipelineCache } = internalsOf(tf.backend() as unknown as ShaderBackend);
      pipelinesOf(() => tf.zeros([1]));
      const create = device.createComputePipelineAsync.bind(device);
      device.createComputePipelineAsync = async () => Promise.reject(new Error("too large"));
      try {
        const warm = warmUpWebgpu(() => model(seededTensor([18, 68], "w", -1, 1)));
        await expect(warm).rejects.toThrow(/shaders that compile, got: too large/);
      } finally {
        device.createComputePipelineAsync = create;
      }
      expect(Object.keys(pipelineCache).filter((key) => key.startsWith("glof_product"))).toEqual([]);
    });

    it("compiles the shaders of a pass without running it", async () => {
      const w = seededTensor([18, 68], "w", -1, 1);
      pipelinesOf(() => tf.zeros([1]));
      const tensors = tf.memory().numTensors;
      await warmUpWebgpu(() => model(w));
      expect(tf.memory().numTensors).toBe(tensors);
      const { pipelineCache, device } = internalsOf(tf.backend() as unknown as ShaderBackend);
      const compiled = Object.keys(pipelineCache).filter((key) => key.startsWith("glof_product"));
      expect(compiled).toHaveLength(2);
      expect(Object.values(pipelineCache).some((pipeline) => (pipeline as unknown) instanceof Promise)).toBe(
        false,
      );
      const create = device.createComputePipeline.bind(device);
      let late = 0;
      device.createComputePipeline = (descriptor) => {
        late++;
        return create(descriptor);
      };
      try {
        const y = model(w);
        expect(late).toBe(0);
        expect((await y.data()).some((value) => value !== 0)).toBe(true);
      } finally {
        device.createComputePipeline = create;
      }
    });
  },
  { backends: ["webgpu"] },
);
