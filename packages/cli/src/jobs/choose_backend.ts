import { GlofError } from "@glof/core";
import type { PrecisionReport } from "@glof/nn";
import { type BackendChoice, type BackendName, releaseBackend, selectBackend } from "@glof/runtime";
import type { Console } from "../terminal/console.js";

/** Names of `--precision`. */
export const precisions = ["f32", "f16"] as const;

/** What `--backend` and `--precision` ask for. */
export interface BackendRequest {
  readonly backend?: BackendName | undefined;
  readonly precision?: (typeof precisions)[number] | undefined;
}

/**
 * Chooses the backend, and says which and, where half precision was asked for, what came of it.
 *
 * @param command for messages, such as `glof map`
 * @throws GlofError `bad-config` for half precision on another backend than webgpu; what `selectBackend` throws
 */
export async function chooseBackend(
  { backend, precision }: BackendRequest,
  command: string,
  console: Console,
): Promise<BackendChoice> {
  const { logger } = console;
  const choice = await selectBackend({
    ...(backend && { require: backend }),
    ...(precision && { webgpu: { precision } }),
    logger,
  });
  if (precision === "f16" && choice.name !== "webgpu") {
    await releaseBackend();
    throw new GlofError(
      "bad-config",
      `${command}: expected the backend webgpu with --precision f16, got ${choice.reason}. ` +
        "Leave out --precision, or require the GPU with --backend webgpu.",
      { backend: choice.name, precision },
    );
  }
  console.say(`backend ${choice.reason}${precisionText(choice)}`);
  return choice;
}

/** `; precision f16: …` where something else than single precision was asked for, else nothing. */
export function precisionText({ details }: BackendChoice): string {
  const report = details.precision as PrecisionReport | undefined;
  return report === undefined || report.reason === "asked for"
    ? ""
    : `; precision ${report.precision}: ${report.reason}`;
}
