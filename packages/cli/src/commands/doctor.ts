import { GlofError } from "@glof/core";
import { type BackendName, backendNames, checkKernels, describeMachine, releaseBackend } from "@glof/runtime";
import { describeOrtEngine } from "@glof/segmenter";
import { type Command, Option } from "commander";
import { chooseBackend, precisions } from "../jobs/choose_backend.js";
import { type Console, processConsole } from "../terminal/console.js";
import { engineText } from "./engine_text.js";
import { checkText, machineText } from "./machine_text.js";

interface DoctorFlags {
  backend?: BackendName;
  precision?: (typeof precisions)[number];
  json?: boolean;
}

const HELP = `
Prints processor, memory, GPU adapters and packages, the backend that glof would choose and why, and which engines
glof map has here; and computes values and gradients of every fast kernel beside the plain processor's. Ends with code 1
where one is wrong.

Examples:
  $ glof doctor
  $ glof doctor --backend webgpu --json > machine.json`;

/** Adds `glof doctor`. */
export function addDoctorCommand(program: Command): void {
  program
    .command("doctor")
    .description("what this machine can run, and whether its kernels compute right")
    .addOption(
      new Option("--backend <name>", "check this backend (default: the one that glof would choose)").choices([
        ...backendNames,
      ]),
    )
    .addOption(
      new Option("--precision <name>", "of webgpu: say what f16 gives here (default: f32)").choices([
        ...precisions,
      ]),
    )
    .option("--json", "print everything as JSON on stdout")
    .addHelpText("after", HELP)
    .action((flags: DoctorFlags) => runDoctor(flags, processConsole(flags)));
}

async function runDoctor(flags: DoctorFlags, console: Console): Promise<void> {
  const machine = await describeMachine();
  for (const line of machineText(machine)) console.say(line);
  const backend = await chooseBackend(flags, "glof doctor", console);
  try {
    const ort = await describeOrtEngine();
    for (const [index, line] of engineText(backend, ort, machine.platform.cores).entries())
      console.say(`${(index === 0 ? "engines" : "").padEnd(10)} ${line}`);
    console.say("kernels");
    const checks = await checkKernels((check) => console.say(checkText(check)));
    if (console.asJson) console.json({ machine, backend, engines: { ort }, checks });
    const wrong = checks.filter(({ passed }) => !passed);
    if (wrong.length > 0) {
      throw new GlofError(
        "backend-unavailable",
        `glof doctor: expected every kernel to agree with the CPU, got ${wrong.length} that do not. Choose another backend with --backend.`,
      );
    }
    console.say(checks.length === 0 ? "  none to check" : `all ${checks.length} kernels compute right`);
  } finally {
    await releaseBackend();
  }
}
