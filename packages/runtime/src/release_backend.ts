import { oneAtATime } from "./one_at_a_time.js";
import { releaseWasm } from "./wasm_backend.js";
import { releaseWebgpu } from "./webgpu_lifecycle.js";

/**
 * Stops the backends that `selectBackend` started and gives back what they hold: GPU device and buffers, the WASM heap.
 * Tensors that are still about are lost; disposing them stays allowed. `selectBackend` starts afresh afterwards.
 *
 * A program that ends needs no call: nothing here keeps the process alive.
 */
export function releaseBackend(): Promise<void> {
  return oneAtATime(async () => {
    releaseWebgpu();
    releaseWasm();
  });
}
