import { GlofError } from "@glof/core";
import { type BackendName, backendNames, checkKernels, describeMachine, releaseBackend } from "@glof/runtime";
import { describeOrtEngine } from "@glof/segmenter";
import { type Command, Option } from "commander";
import { withInterrupt } from "../interrupt.js";
import { chooseBackend, precisions } from "../jobs/choose_backend.js";
import { type Console, processConsole } from "../terminal/console.js";
import { beginProgress } from "../terminal/progress.js";
import { type VitSize, vitSizes } from "./bench_cases.js";
import { type TunedCase, tunedText, tuneModels } from "./doctor_tune.js";
import { engineText } from "./engine_text.js";
import { checkText, machineText } from "./machine_text.js";

interface DoctorFlags {
  backend?: BackendName;
  precision?: (typeof precisions)[number];
  tune?: true | VitSize;
  json?: boolean;
}

const HELP = `
Prints processor, memory, GPU adapters and packages, the backend that glof would choose and why, and which engines
glof map has here; and computes values and gradients of every fast kernel beside the plain processor's. Ends with code 1
where one is wrong.

With --tune it also measures, on a GPU, in which form each matrix product and the attention of the model that comes with
glof (and of a backbone, where its size is given) are fastest, for tiles of 518 x 518 and for training with 4 chips of
252 x 252, and keeps that for later runs.

Examples:
  $ glof doctor
  $ glof doctor --backend webgpu --json > machine.json
  $ glof doctor --tune L`;

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
    .addOption(
      new Option(
        "--tune [vit]",
        "choose the fastest forms of matrix products and attention on the GPU; for the shipped model, and for a ViT of this size",
      ).choices([...vitSizes]),
    )
    .option("--json", "print everything as JSON on stdout")
    .addHelpText("after", HELP)
    .action((flags: DoctorFlags) => runDoctor(flags, processConsole(flags)));
}

async function runDoctor({ tune, ...flags }: DoctorFlags, console: Console): Promise<void> {
  const machine = await describeMachine();
  for (const line of machineText(machine)) console.say(line);
  if (tune && (flags.backend ?? "webgpu") !== "webgpu") {
    throw new GlofError(
      "bad-argument",
      `glof doctor: expected --tune for the backend webgpu, got ${flags.backend}, whose kernels have one form each. Leave out --tune.`,
    );
  }
  const request = tune ? { ...flags, backend: "webgpu" as const } : flags;
  const backend = await chooseBackend(request, "glof doctor", console);
  try {
    const ort = await describeOrtEngine();
    for (const [index, line] of engineText(backend, ort, machine.platform.cores).entries())
      console.say(`${(index === 0 ? "engines" : "").padEnd(10)} ${line}`);
    console.say("kernels");
    const checks = await checkKernels((check) => console.say(checkText(check)));
    const tuned = tune ? await tuneAndSay(tune, flags.precision, console) : undefined;
    if (console.asJson) console.json({ machine, backend, engines: { ort }, checks, ...(tuned && { tuned }) });
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

async function tuneAndSay(
  tune: true | VitSize,
  precision: DoctorFlags["precision"] = "f32",
  console: Console,
): Promise<TunedCase[]> {
  console.say("tuning");
  const progress = beginProgress(console);
  try {
    return await withInterrupt((signal) =>
      tuneModels({
        vit: tune === true ? undefined : tune,
        precision,
        signal,
        onProgress: progress.onProgress,
        onCase: (one) => {
          for (const line of tunedText(one)) progress.say(line);
        },
      }),
    );
  } finally {
    progress.end();
  }
}
