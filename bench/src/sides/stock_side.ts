import { serve } from "./serve.js";
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
    facts: { version: `tfjs-backend-${backend} ${engine.version_core}`, backend, threads: 1 },
    tasks: { ...stockOperations(engine), model: stockModel(engine), loss: stockLoss(engine) },
    settle: backend === "webgpu" ? () => settleWebgpu(engine) : undefined,
  };
});
