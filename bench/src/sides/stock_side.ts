import { serve } from "./serve.js";
import { stockHost } from "./stock_host.js";
import { stockLoss } from "./stock_losses.js";
import { stockModel } from "./stock_model.js";
import { stockOperations } from "./stock_ops.js";
import { startStock } from "./stock_tfjs.js";
import { settleWebgpu } from "./tf_tools.js";

/** The stock kernels of TensorFlow.js: `node stock_side.ts <backend>`. */
await serve(async () => {
  const backend = process.argv[2] ?? "wasm";
  const engine = await startStock(backend);
  return {
    facts: {
      version: `tfjs-backend-${backend === "null" ? "webgpu" : backend} ${engine.version_core}`,
      backend,
      threads: 1,
    },
    tasks: {
      ...stockOperations(engine),
      model: stockModel(engine),
      loss: stockLoss(engine),
      host: stockHost(engine),
    },
    settle: ["webgpu", "null"].includes(backend) ? () => settleWebgpu(engine) : undefined,
  };
});
