import { type BackendName, selectBackend } from "@glof/runtime";
import * as tf from "@tensorflow/tfjs-core";
import type { Facts } from "../protocol.js";
import { glofHost } from "./glof_host.js";
import { glofLoss } from "./glof_losses.js";
import { glofModel } from "./glof_model.js";
import { glofOperations } from "./glof_ops.js";
import { glofPolygonize } from "./glof_polygonize.js";
import { glofScene } from "./glof_scene.js";
import { glofTrain } from "./glof_train.js";
import { defineNullGpu } from "./null_gpu.js";
import { serve } from "./serve.js";
import { settleWebgpu } from "./tf_tools.js";

/** Ours: `node glof_side.ts <backend>`. */
await serve(async () => {
  const asked = process.argv[2] ?? "wasm";
  if (asked === "null") await defineNullGpu();
  const backend = (asked === "null" ? "webgpu" : asked) as BackendName;
  const choice = await selectBackend({ require: backend });
  return {
    facts: { version: "this tree", backend: asked, ...plainFacts(choice.details) },
    tasks: {
      ...glofOperations,
      model: glofModel,
      loss: glofLoss,
      train: glofTrain,
      polygonize: glofPolygonize,
      scene: glofScene,
      host: glofHost,
    },
    settle: backend === "webgpu" ? () => settleWebgpu(tf) : undefined,
  };
});

function plainFacts(details: Readonly<Record<string, unknown>>): Facts {
  const { threads, relaxedSimd, adapter, kernels } = details as {
    threads?: number;
    relaxedSimd?: boolean;
    adapter?: { description?: string; device?: string; vendor?: string };
    kernels?: { reason?: string; threads?: number };
  };
  return {
    threads: kernels?.threads ?? threads ?? 1,
    ...(relaxedSimd === undefined ? {} : { simd: relaxedSimd ? "relaxed SIMD (FMA)" : "plain SIMD" }),
    ...(kernels?.reason === undefined ? {} : { kernels: kernels.reason }),
    ...(adapter === undefined
      ? {}
      : { device: adapter.description || adapter.device || adapter.vendor || "" }),
  };
}
