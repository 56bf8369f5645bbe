import { GlofError } from "@glof/core";
import {
  type BackendName,
  checkKernels,
  describeMachine,
  releaseBackend,
  selectBackend,
} from "@glof/runtime";
import type { Command } from "commander";
import { processConsole } from "../terminal/console.js";

interface DoctorFlags {
  backend?: BackendName;
  json?: boolean;
}

/** Adds `glof doctor`. */
export function addDoctorCommand(program: Command): void {
  program
    .command("doctor")
    .description("what this machine can run, and whether its kernels compute right")
    .option("--backend <name>", "webgpu, tensorflow, wasm or cpu (default: the one that glof would choose)")
    .option("--json", "print everything as JSON on stdout")
    .action(runDoctor);
}

async function runDoctor(flags: DoctorFlags): Promise<void> {
  const console = processConsole({ json: flags.json });
  const backend = await selectBackend(flags.backend === undefined ? {} : { require: flags.backend });
  try {
    const machine = await describeMachine();
    console.say(JSON.stringify(machine, null, 2));
    console.say(`\nbackend: ${backend.name} (${backend.reason})\n`);
    const checks = await checkKernels(({ name, passed, worstRatio, problem }) =>
      console.say(
        `${passed ? "ok   " : "WRONG"} ${name.padEnd(32)} ${problem ?? `error / tolerance ${worstRatio.toFixed(3)}`}`,
      ),
    );
    if (console.asJson) console.json({ machine, backend, checks });
    const wrong = checks.filter(({ passed }) => !passed);
    if (wrong.length > 0) {
      throw new GlofError(
        "backend-unavailable",
        `glof doctor: expected every kernel to agree with the CPU, got ${wrong.length} that do not. Choose another backend with --backend.`,
      );
    }
  } finally {
    await releaseBackend();
  }
}
