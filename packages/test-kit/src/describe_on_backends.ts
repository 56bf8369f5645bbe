import { selectBackend } from "@glof/runtime";
import { beforeAll, describe, it } from "vitest";
import { useSoftwareVulkan } from "./software_vulkan.js";

/** The backends that a suite runs on. */
export type TestBackend = "cpu" | "wasm" | "webgpu";

/** What a suite asks of `describeOnBackends`. */
export interface DescribeOnBackendsOptions {
  /** Default: all three. The environment variable `GLOF_TEST_BACKENDS=cpu,wasm` narrows it further. */
  readonly backends?: readonly TestBackend[];
}

const allBackends: readonly TestBackend[] = ["cpu", "wasm", "webgpu"];

/**
 * Runs a suite once per backend, with the TensorFlow.js backend set before its tests.
 *
 * WebGPU runs through Dawn on the software Vulkan driver of `@sparticuz/chromium`. Where there is no adapter the suite
 * is skipped and says so on stderr; where `CI` is set that is a failure.
 *
 * @param suite registers tests; tensors may be made only inside tests and hooks
 */
export function describeOnBackends(
  name: string,
  suite: (backend: TestBackend) => void,
  { backends = allBackends }: DescribeOnBackendsOptions = {},
): void {
  for (const backend of chosenBackends(backends)) {
    describe(`${name} [${backend}]`, async () => {
      const missing = await tryBackend(backend);
      if (missing !== undefined) return reportMissing(name, backend, missing);
      beforeAll(async () => {
        await selectBackend({ require: backend });
      });
      suite(backend);
    });
  }
}

function chosenBackends(backends: readonly TestBackend[]): readonly TestBackend[] {
  const wanted = process.env.GLOF_TEST_BACKENDS?.split(",").map((one) => one.trim());
  const unknown = wanted?.find((one) => !allBackends.some((known) => known === one));
  if (unknown !== undefined) {
    throw new Error(`GLOF_TEST_BACKENDS: expected some of ${allBackends.join(",")}, got "${unknown}".`);
  }
  return backends.filter((backend) => !wanted || wanted.includes(backend));
}

/** Why the backend cannot be had; `undefined` when it can. */
async function tryBackend(backend: TestBackend): Promise<string | undefined> {
  if (backend !== "webgpu") return undefined;
  await useSoftwareVulkan();
  try {
    await selectBackend({ require: backend });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function reportMissing(name: string, backend: TestBackend, reason: string): void {
  if (process.env.CI) {
    it(`${backend} is here`, () => {
      throw new Error(`${reason} CI may not skip what needs it.`);
    });
    return;
  }
  process.stderr.write(`skipped: ${name} on ${backend}: ${reason}\n`);
  it.skip(`skipped: ${reason}`, () => {});
}
