import {
  adamUpdate,
  adamUpdateAll,
  batchNorm,
  conv2d,
  convBatchNorm,
  gatedSilu,
  groupNorm,
  installWebgpuKernels,
  layerNorm,
  linear,
  linearResidual,
  lovaszExtension,
  maxPool2d,
  multiHeadAttention,
  type Params,
  resizeBilinear,
  softmax,
  sortDescending,
  squareSums,
  swiglu,
  useKernel,
  useWebgpuPrecision,
  valueAndGrad,
} from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
// The forms that a tuner chooses from are no part of nn's public face.
import { attentionFormChoice, attentionForms } from "../../nn/src/webgpu/attention_form.js";
import { internalsOf } from "../../nn/src/webgpu/backend_internals.js";
import { setMatrixUnitsInUse } from "../../nn/src/webgpu/half_precision.js";
import { unitAttentionBytes } from "../../nn/src/webgpu/matrix_unit_attention_shape.js";
import { hardwareUnits } from "../../nn/src/webgpu/matrix_units.js";
import { withFormChooser } from "../../nn/src/webgpu/product_choice.js";
import { unitShapes } from "../../nn/src/webgpu/product_form.js";
import type { ShaderBackend } from "../../nn/src/webgpu/shader.js";

const normOf = (one: tf.Tensor) => ({ weight: one, bias: one, runningMean: one, runningVar: one });

/** Operations at the sizes that choose each form of the shaders: tiles of 64 and 128, vectors and single numbers. */
const operations: readonly (readonly [name: string, f: (given: Params) => tf.Tensor, shapes: number[][]])[] =
  [
    [
      "linear with GELU",
      ({ a, b, c }) => linear(a!, b!, c!, { activation: "gelu" }),
      [[1370, 384], [384, 1536], [1536]],
    ],
    [
      "linear with GELU, in parts",
      ({ a, b, c }) => linear(a!, b!, c!, { activation: "gelu" }),
      [[70, 1024], [1024, 40], [40]],
    ],
    [
      "linearResidual, in parts",
      ({ a, b, c, d, e }) => linearResidual(a!, b!, { w: c!, b: d!, gamma: e! }),
      [[3, 7], [3, 1030], [1030, 7], [7], [7]],
    ],
    ["maxPool2d", ({ a }) => maxPool2d(a as tf.Tensor4D, 3, { stride: 2, padding: 1 }), [[1, 30, 31, 8]]],
    ["maxPool2d, single channels", ({ a }) => maxPool2d(a as tf.Tensor4D, 2), [[1, 30, 31, 3]]],
    ["linear, odd sizes", ({ a, b, c }) => linear(a!, b!, c!), [[7, 33], [33, 50], [50]]],
    [
      "linearResidual",
      ({ a, b, c, d, e }) => linearResidual(a!, b!, { w: c!, b: d!, gamma: e! }),
      [[4, 1370, 384], [4, 1370, 384], [384, 384], [384], [384]],
    ],
    ["attention, heads of 64", ({ a }) => multiHeadAttention(a as tf.Tensor3D, 6), [[1, 1370, 1152]]],
    ["attention, heads of 128", ({ a }) => multiHeadAttention(a as tf.Tensor3D, 2), [[1, 50, 768]]],
    ["attention, heads of 7", ({ a }) => multiHeadAttention(a as tf.Tensor3D, 2), [[1, 50, 42]]],
    [
      "conv2d",
      ({ a, b, c }) => conv2d(a as tf.Tensor4D, b as tf.Tensor4D, c!, { padding: 1 }),
      [[1, 130, 130, 64], [3, 3, 64, 64], [64]],
    ],
    [
      "conv2d with ReLU",
      ({ a, b, c }) => conv2d(a as tf.Tensor4D, b as tf.Tensor4D, c!, { padding: 1, activation: "relu" }),
      [[1, 130, 130, 64], [3, 3, 64, 64], [64]],
    ],
    [
      "convBatchNorm",
      ({ a, b, c }) =>
        convBatchNorm(a as tf.Tensor4D, b as tf.Tensor4D, c!, normOf(c!), { activation: "relu" }),
      [[1, 130, 130, 64], [3, 3, 64, 64], [64]],
    ],
    [
      "convBatchNorm, in parts",
      ({ a, b, c }) => convBatchNorm(a as tf.Tensor4D, b as tf.Tensor4D, undefined, normOf(c!)),
      [[1, 9, 9, 64], [3, 3, 64, 5], [5]],
    ],
    [
      "convBatchNorm, odd sizes",
      ({ a, b, c }) => convBatchNorm(a as tf.Tensor4D, b as tf.Tensor4D, undefined, normOf(c!)),
      [[1, 9, 9, 3], [3, 3, 3, 5], [5]],
    ],
    ["layerNorm", ({ a, b, c }) => layerNorm(a!, b!, c!), [[1370, 384], [384], [384]]],
    [
      "groupNorm",
      ({ a, b, c }) => groupNorm(a as tf.Tensor4D, b!, c!, { groups: 8, activation: "relu" }),
      [[2, 130, 130, 64], [64], [64]],
    ],
    [
      "groupNorm, odd sizes",
      ({ a, b, c }) => groupNorm(a as tf.Tensor4D, b!, c!, { groups: 5 }),
      [[2, 3, 7, 5], [5], [5]],
    ],
    [
      "batchNorm in training, with ReLU",
      ({ a, b, c }) =>
        batchNorm(
          a!,
          { weight: b!, bias: c!, runningMean: b!, runningVar: c! },
          { training: true, activation: "relu" },
        ),
      [[2, 130, 130, 64], [64], [64]],
    ],
    [
      "batchNorm in training, odd sizes",
      ({ a, b, c }) =>
        batchNorm(a!, { weight: b!, bias: c!, runningMean: b!, runningVar: c! }, { training: true }),
      [[2, 3, 7, 5], [5], [5]],
    ],
    ["batchNorm by running statistics", ({ a, b }) => batchNorm(a!, normOf(b!)), [[70, 8], [8]]],
    [
      "batchNorm by running statistics, with ReLU",
      ({ a, b }) => batchNorm(a!, normOf(b!), { activation: "relu" }),
      [[70, 7], [7]],
    ],
    ["resizeBilinear", ({ a }) => resizeBilinear(a as tf.Tensor4D, [74, 74]), [[1, 37, 37, 64]]],
    ["resizeBilinear, odd sizes", ({ a }) => resizeBilinear(a as tf.Tensor4D, [74, 74]), [[1, 37, 37, 3]]],
    ["linear with SwiGLU", ({ a, b, c }) => swiglu(a!, b!, c!), [[1370, 384], [384, 2048], [2048]]],
    [
      "linear with SwiGLU, odd sizes",
      ({ a, b }) => swiglu(a!, b!),
      [
        [7, 33],
        [33, 50],
      ],
    ],
    ["gatedSilu", ({ a }) => gatedSilu(a!), [[1370, 8192]]],
    ["softmax", ({ a }) => softmax(a!), [[64, 1370]]],
  ];

/**
 * What a GPU gets differs from what SwiftShader gets (inner loops written out). Dawn's null backend compiles shaders for any
 * adapter's name and runs nothing: this shows that they are valid, the SwiftShader tests show what they compute.
 */
describe("shaders for hardware", () => {
  let device: GPUDevice;
  const before = tf.getBackend();

  beforeAll(async () => {
    const [{ create, globals }, { WebGPUBackend }] = await Promise.all([
      import("webgpu"),
      import("@tensorflow/tfjs-backend-webgpu"),
    ]);
    Object.assign(globalThis, globals);
    const gpu = create(["backend=null", "enable-dawn-features=allow_unsafe_apis"]);
    if (!globalThis.navigator)
      Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
    Object.defineProperty(globalThis.navigator, "gpu", { value: gpu, configurable: true });
    const adapter = await gpu.requestAdapter();
    const features = ["shader-f16", "subgroups", "chromium-experimental-subgroup-matrix"] as GPUFeatureName[];
    device = await adapter!.requestDevice({ requiredFeatures: features });
    const units = [{ componentType: "f16", resultComponentType: "f32", M: 16, N: 16, K: 16 }];
    Object.defineProperty(device, "adapterInfo", {
      value: { subgroupMinSize: 32, subgroupMaxSize: 32, subgroupMatrixConfigs: units },
    });
    if (tf.findBackendFactory("webgpu")) tf.removeBackend("webgpu");
    const info = { vendor: "nvidia", architecture: "hopper" } as GPUAdapterInfo;
    tf.registerBackend("webgpu", () => new WebGPUBackend(device, info));
    await tf.setBackend("webgpu");
    await installWebgpuKernels();
  });

  afterAll(() => {
    tf.removeBackend("webgpu");
    if (before) tf.setBackend(before);
  });

  /** What the device finds wrong with the work. */
  async function complaint(work: () => unknown): Promise<string | undefined> {
    device.pushErrorScope("validation");
    tf.tidy(() => void work());
    const error = await device.popErrorScope();
    return error?.message;
  }

  /** The same, but for the 16 KB of workgroup memory that the null backend has. */
  async function complaintButMemory(work: () => unknown): Promise<string | undefined> {
    const message = await complaint(work);
    // A pass that was refused is still among the recorded ones, and would spoil what follows.
    const backend = internalsOf(tf.backend() as unknown as ShaderBackend);
    await complaint(() => {
      backend.ensureCommandEncoderReady();
      backend.endComputePassEncoder();
      backend.submitQueue();
    });
    return message?.startsWith("The total use of workgroup storage") ? undefined : message;
  }

  it("sees what is wrong", async () => {
    const wrong = (): void => void device.createShaderModule({ code: "fn main( {" });
    expect(await complaint(wrong)).toMatch(/WGSL/);
  });

  for (const [name, f, shapes] of operations) {
    it(`are valid: ${name}`, async () => {
      const given = Object.fromEntries(shapes.map((shape, index) => ["abcde"[index]!, tf.zeros(shape)]));
      expect(await complaint(() => void f(given))).toBeUndefined();
      const loss = (params: Params): tf.Scalar => tf.sum(f(params));
      expect(await complaint(() => void valueAndGrad(loss, given))).toBeUndefined();
      tf.dispose(given);
    });
  }

  it("are valid in every tile", async () => {
    for (const [rows, cols] of [
      [64, 128],
      [128, 64],
    ] as const) {
      const work = (): tf.Tensor =>
        withFormChooser(
          () => ({ kind: "single", tile: { rows, cols } }),
          () => linear(tf.zeros([70, 36]), tf.zeros([36, 40])),
        );
      expect(await complaint(work)).toBeUndefined();
    }
  });

  it("are valid: attention in every form", async () => {
    const given = { qkv: tf.zeros([1, 70, 3 * 2 * 64]) };
    for (let index = 0; index < 4; index++) {
      const end = attentionFormChoice.begin((backend, work) => attentionForms(backend, work)[index]!);
      const loss = ({ qkv }: Params): tf.Scalar => tf.sum(multiHeadAttention(qkv as tf.Tensor3D, 2));
      expect(await complaint(() => void valueAndGrad(loss, given))).toBeUndefined();
      end();
    }
    tf.dispose(given);
  });

  it("are valid on matrix units, which are not used when they give wrong numbers", async () => {
    // The null backend computes nothing: all its products are 0.
    device.pushErrorScope("validation");
    const report = await useWebgpuPrecision("f16");
    expect((await device.popErrorScope())?.message).toBeUndefined();
    expect(report).toMatchObject({ precision: "f32", storage: "floats", matrixUnits: false });
    expect(report.reason).toMatch(/halves gave wrong numbers.*units gave wrong numbers/);
  });

  it("are valid: the sort and what follows it", async () => {
    const [scores, labels] = [tf.zeros<tf.Rank.R2>([2, 70_000]), tf.zeros<tf.Rank.R2>([2, 70_000])];
    expect(await complaint(() => void sortDescending(scores))).toBeUndefined();
    for (const form of ["hinge", "error"] as const) {
      const options = { form, ignore: 255, scale: 1 };
      expect(await complaint(() => void lovaszExtension(scores, labels, options))).toBeUndefined();
    }
  });

  it("are valid: sums and slopes of losses of pixels", async () => {
    const [logits, labels] = [tf.zeros([70_001]), tf.zeros([70_001])];
    const coefficients = tf.zeros([2]);
    for (const kind of ["bce", "region"] as const) {
      for (const ignore of [null, 255]) {
        const options = { kind, ignore, smooth: 0.1, posWeight: 2 };
        const work = (): void => {
          useKernel("GlofPixelSums")!({ logits, labels }, options);
          useKernel("GlofPixelSlopes")!({ logits, labels, coefficients }, options);
        };
        expect(await complaint(work)).toBeUndefined();
      }
    }
    tf.dispose([logits, labels, coefficients]);
  });

  it("are valid: sums and slopes of losses over classes", async () => {
    const numbers = {
      ignore: 255,
      smoothing: 0.1,
      gamma: 1.5,
      weightOfTrue: 1,
      weightOfFalse: 2,
      threshold: 0.5,
    };
    for (const classes of [1, 4, 70]) {
      const [logits, pixels, labels] = [
        tf.zeros([3001, classes]),
        tf.zeros([3001]),
        tf.zeros([3001, classes]),
      ];
      const [coefficients, weights] = [tf.zeros([2, classes]), tf.zeros([classes])];
      const work = (): void => {
        for (const kind of ["entropy", "region", "focal"] as const) {
          for (const multilabel of kind === "entropy" ? [false] : [false, true]) {
            const options = { ...numbers, kind, multilabel };
            const given = {
              logits,
              labels: multilabel ? labels : pixels,
              ...(kind === "entropy" && { weights }),
            };
            useKernel("GlofClassSums")!(given, options);
            useKernel("GlofClassSlopes")!({ ...given, coefficients }, options);
          }
        }
      };
      expect(await complaint(work)).toBeUndefined();
      tf.dispose([logits, pixels, labels, coefficients, weights]);
    }
  });

  describe("on matrix units", () => {
    beforeAll(() => setMatrixUnitsInUse(hardwareUnits));
    afterAll(() => setMatrixUnitsInUse(undefined));

    for (const shape of unitShapes) {
      it(`are valid: products, ${JSON.stringify(shape)}`, async () => {
        for (const [name, f, shapes] of operations.filter(([name]) => /^linear|^conv/.test(name))) {
          const given = Object.fromEntries(shapes.map((size, index) => ["abcde"[index]!, tf.zeros(size)]));
          const splits = name.includes("in parts") ? 2 : 1;
          const work = (): tf.Tensor =>
            withFormChooser(
              () => ({ kind: "units", shape, splits }),
              () => f(given),
            );
          expect(await complaintButMemory(work)).toBeUndefined();
          tf.dispose(given);
        }
      });
    }

    for (const shape of [
      { width: 64, subgroups: 4, strips: 1, keys: 16 },
      { width: 64, subgroups: 4, strips: 2, keys: 32 },
      { width: 64, subgroups: 4, strips: 1, keys: 32 },
      { width: 96, subgroups: 4, strips: 1, keys: 16 },
      { width: 16, subgroups: 4, strips: 1, keys: 64 },
    ] as const) {
      it(`are valid: attention, ${JSON.stringify(shape)}`, async () => {
        expect(unitAttentionBytes(shape, hardwareUnits)).toBeLessThanOrEqual(49_152);
        const work = (): tf.Tensor =>
          attentionFormChoice.with(
            () => ({ kind: "units", shape }),
            () => multiHeadAttention(tf.zeros([1, 70, 6 * shape.width]), 2),
          );
        expect(await complaintButMemory(work)).toBeUndefined();
      });
    }
  });

  it("are valid: Adam", async () => {
    const numbers = {
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      shrink: 1,
      l2: 0,
      stepSize: 1,
      spreadScale: 1,
    };
    for (const amsgrad of [false, true]) {
      const steps = (): void => {
        const [param, grad] = [tf.zeros([70_000]), tf.zeros([70_000])];
        const next = adamUpdate(param, grad, {}, { ...numbers, amsgrad });
        adamUpdate(next.param, grad, next, { ...numbers, amsgrad });
      };
      expect(await complaint(steps)).toBeUndefined();
    }
  });

  it("are valid: Adam over small tensors together, and their sums of squares", async () => {
    const numbers = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, shrink: 1, l2: 0, stepSize: 1, spreadScale: 1 };
    const work = (): void => {
      const tensors = [tf.zeros([70_000]), tf.zeros([3]), tf.zeros([5, 5])];
      const entry = { before: {}, numbers: { ...numbers, amsgrad: false } };
      const next = adamUpdateAll(tensors.map((tensor) => ({ ...entry, param: tensor, grad: tensor })));
      squareSums(next.map(({ param }) => param));
    };
    expect(await complaint(work)).toBeUndefined();
  });
});
