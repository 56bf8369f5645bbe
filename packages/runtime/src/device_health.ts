import { GlofError, type GlofErrorDetails } from "@glof/core";

/** What the tests and messages keep of a flood of errors. */
const keptErrors = 8;

/** What has gone wrong on a GPU device since it was last asked. WebGPU itself never throws; it only tells. */
export class DeviceHealth {
  /** Hears that there was no memory for a buffer. */
  onShortage: () => void = () => undefined;
  #lost: GlofError | undefined;
  #errors: GPUError[] = [];
  #errorCount = 0;
  #released = false;

  /** Listens to the device for as long as it lives. */
  constructor(device: GPUDevice) {
    device.onuncapturederror = (event) => {
      // Dawn prints an error that nobody prevents.
      event.preventDefault?.();
      this.#errorCount++;
      if (this.#errors.length < keptErrors) this.#errors.push(event.error);
    };
    void device.lost.then(({ reason, message }) => {
      if (!this.#released) this.#lost = deviceLost(reason, message);
    });
  }

  /** The device's owner gives it back: its loss is no error from here on. */
  release(): void {
    this.#released = true;
  }

  /** Whether the device is gone for good. */
  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  /** @throws GlofError `device-lost` when the device is gone */
  throwIfLost(): void {
    if (this.#lost) throw this.#lost;
  }

  /** @throws GlofError `device-lost`, `out-of-memory` or `internal`; an error is thrown once */
  throwIfBad(): void {
    this.throwIfLost();
    const [first, ...more] = this.#errors;
    if (!first) return;
    const count = this.#errorCount;
    this.#errors = [];
    this.#errorCount = 0;
    const error = computeError(first, more, count);
    if (error.code === "out-of-memory") this.onShortage();
    throw error;
  }
}

function deviceLost(reason: string, message: string): GlofError {
  return new GlofError(
    "device-lost",
    `webgpu: expected the GPU device to keep working, got it lost (${reason}: ${message || "no message"}). ` +
      "Do call selectBackend again for a new device and load the weights anew.",
    { reason, deviceMessage: message },
  );
}

function computeError(first: GPUError, more: readonly GPUError[], count: number): GlofError {
  const details = { errorCount: count, errors: [first, ...more].map((error) => error.message) };
  const text = `${first.message.trim()}${count > 1 ? ` (and ${count - 1} more)` : ""}`;
  // A buffer beyond the device's limit is reported as an invalid command, and yet it is the memory that is short.
  const isMemory =
    first instanceof GPUOutOfMemoryError || /exceeds the max (buffer|.*binding) size/.test(text);
  return isMemory ? outOfMemory(text, details) : invalidCommand(text, details);
}

/** `GlofError("out-of-memory")` for GPU memory. */
export function outOfMemory(text: string, details: GlofErrorDetails): GlofError {
  return new GlofError(
    "out-of-memory",
    `webgpu: expected GPU memory for a buffer, got none: ${text}. Do use smaller tiles or batches.`,
    details,
  );
}

function invalidCommand(text: string, details: GlofErrorDetails): GlofError {
  return new GlofError(
    "internal",
    `webgpu: expected a valid command, got: ${text}. Do report it, with what glof doctor prints.`,
    details,
  );
}
