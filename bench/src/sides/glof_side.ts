import { type BackendName, selectBackend } from "@glof/runtime";
import * as tf from "@tensorflow/tfjs-core";
import type { Facts } from "../protocol.js";
import { glofOperations } from "./glof_ops.js";
import { serve } from "./serve.js";
import { settleWebgpu } from "./tf_tools.js";

/** Ours: `node glof_side.ts <backend>`. */
await serve(async () => {
  const backend = (process.argv[2] ?? "wasm") as BackendName;
  const choice = await selectBackend({ require: backend });
  return {
    facts: { version: "this tree", backend, ...plainFacts(choice.details) },
    tasks: { ...glofOperations },
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
