import { type BackendName, selectBackend } from "@glof/runtime";
import * as tf from "@tensorflow/tfjs-core";
import type { Facts } from "../protocol.js";
import { glofHost } from "./glof_host.js";
import { glofLoss } from "./glof_losses.js";
import { glofCounts } from "./glof_metrics.js";
import { glofModel } from "./glof_model.js";
import { glofOperations } from "./glof_ops.js";
import { glofPolygonize } from "./glof_polygonize.js";
import { glofScene } from "./glof_scene.js";
import { glofTrain } from "./glof_train.js";
import { defineNullGpu } from "./null_gpu.js";
import { serve } from "./serve.js";
import { settleWebgpu } from "./tf_tools.js";

/** Ours: `node glof_side.ts <backend> [f32 | f16] [robust | trusting]`. */
await serve(async () => {
  const asked = process.argv[2] ?? "wasm";
  if (asked === "null") await defineNullGpu();
  const backend = (asked === "null" ? "webgpu" : asked) as BackendName;
  const precision = process.argv[3] === "f16" ? "f16" : "f32";
  const robustness = process.argv[4] !== "trusting";
  // A step of ViT-L frees gigabytes of buffers and wants them again: PyTorch's allocator keeps them, too.
  const webgpu = { precision, robustness, maxPooledBytes: 2 ** 35 } as const;
  const choice = await selectBackend({ require: backend, webgpu });
  const found = choice.details.precision as { precision?: string; reason?: string } | undefined;
  const tuning = choice.details.tuning as { choices?: number } | undefined;
  if (precision === "f16" && found?.precision !== "f16")
    throw new Error(`no half precision here: ${found?.reason ?? "another backend than WebGPU"}`);
  return {
    facts: {
      version: "this tree",
      backend: asked,
      ...(found && { precision }),
      ...(tuning && { "tuned forms": tuning.choices ?? 0 }),
      ...(robustness ? {} : { robustness: "off" }),
      ...plainFacts(choice.details),
    },
    tasks: {
      ...glofOperations,
      model: glofModel,
      loss: glofLoss,
      counts: glofCounts,
      train: glofTrain,
      polygonize: glofPolygonize,
      scene: glofScene,
      host: glofHost,
    },
    settle: backend === "webgpu" ? () => settleWebgpu(tf) : undefined,
  };
});

function plainFacts(details: Readonly<Record<string, unknown>>): Facts {
  const { threads, relaxedSimd, adapter, kernels, precision } = details as {
    threads?: number;
    relaxedSimd?: boolean;
    adapter?: { description?: string; device?: string; vendor?: string };
    kernels?: { reason?: string; threads?: number };
    precision?: { reason?: string };
  };
  return {
    threads: kernels?.threads ?? threads ?? 1,
    ...(relaxedSimd === undefined ? {} : { simd: relaxedSimd ? "relaxed SIMD (FMA)" : "plain SIMD" }),
    ...(kernels?.reason === undefined ? {} : { kernels: kernels.reason }),
    ...(precision?.reason === undefined ? {} : { numbers: precision.reason }),
    ...(adapter === undefined
      ? {}
      : { device: adapter.description || adapter.device || adapter.vendor || "" }),
  };
}
