import { GlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { DeviceHealth, outOfMemory } from "./device_health.js";
import type { WebgpuOptions } from "./types.js";
import { freePooledBuffers, handOutOldestFirst, pooledBytes } from "./webgpu_pool.js";

type WebgpuModule = typeof import("@tensorflow/tfjs-backend-webgpu");
type BackendClass = WebgpuModule["WebGPUBackend"];

/** A WebGPU backend that runs, with the device it owns. */
export interface RunningWebgpu {
  readonly device: GPUDevice;
  readonly health: DeviceHealth;
  readonly backend: InstanceType<BackendClass>;
}

/**
 * Puts TensorFlow.js's `webgpu` backend on a device of our own and makes it the current one.
 *
 * It differs from the stock backend: what goes wrong on the device is thrown as `GlofError` by the next read (a loss
 * also by the next operation); released buffers are kept for reuse only up to a limit; `dataSync` explains itself.
 */
export async function startWebgpu(
  device: GPUDevice,
  info: GPUAdapterInfo,
  { maxPooledBytes = 2 ** 30 }: WebgpuOptions,
): Promise<RunningWebgpu> {
  const { WebGPUBackend } = await import("@tensorflow/tfjs-backend-webgpu");
  const health = new DeviceHealth(device);
  const Guarded = guard(WebGPUBackend, health, maxPooledBytes);
  const backend = new Guarded(device, info);
  health.onShortage = handOutOldestFirst(backend);
  // The stock package registers itself on a device of its own when it is imported where navigator.gpu is.
  if (tf.findBackendFactory("webgpu")) tf.removeBackend("webgpu");
  tf.registerBackend("webgpu", () => backend, 3);
  await tf.setBackend("webgpu");
  return { device, health, backend };
}

/** The stock class with our checks around the few methods through which all work passes. */
function guard(Stock: BackendClass, health: DeviceHealth, maxPooledBytes: number): BackendClass {
  return class GuardedWebgpuBackend extends Stock {
    override ensureCommandEncoderReady(): void {
      health.throwIfLost();
      super.ensureCommandEncoderReady();
    }

    override uploadToGPU(dataId: object): void {
      try {
        super.uploadToGPU(dataId);
      } catch (error) {
        // A mapped buffer is the one thing that WebGPU refuses with an exception.
        throw error instanceof RangeError ? outOfMemory(error.message, { cause: error }) : error;
      }
    }

    override submitQueue(): void {
      super.submitQueue();
      // Right after a submit no recorded command names a pooled buffer, so that freeing one is safe.
      if (pooledBytes(this) > maxPooledBytes) freePooledBuffers(this);
    }

    override async read(dataId: object): Promise<tf.BackendValues> {
      health.throwIfLost();
      let values: tf.BackendValues;
      try {
        // Asking only afterwards: the read submits what is recorded, and one fault gives several errors until then.
        values = await super.read(dataId);
      } catch (error) {
        health.throwIfBad();
        throw error;
      }
      health.throwIfBad();
      return values;
    }

    override readSync(dataId: object): tf.BackendValues {
      if (typeof OffscreenCanvas === "undefined" && !this.tensorMap.get(dataId)?.values) {
        throw new GlofError(
          "unsupported-feature",
          "dataSync: expected an asynchronous read, got a synchronous one, which WebGPU in Node cannot do. " +
            "Do use await tensor.data().",
        );
      }
      return super.readSync(dataId);
    }
  };
}
