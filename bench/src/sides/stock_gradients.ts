import { createRequire } from "node:module";

/**
 * Registers the gradients of TensorFlow.js, which its package for Node leaves out. Its modules name folders and leave
 * endings out, as only `require` resolves them.
 */
export function registerStockGradients(): void {
  createRequire(import.meta.url)("@tensorflow/tfjs-core/dist/register_all_gradients");
}
