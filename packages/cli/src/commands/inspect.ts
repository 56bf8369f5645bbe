import { GlofError } from "@glof/core";
import type { Command } from "commander";
import { withInterrupt } from "../interrupt.js";
import { processConsole } from "../terminal/console.js";
import { type InspectKind, lookAt } from "./inspect_kind.js";
import { weightsKind } from "./inspect_weights.js";

/** Everything that `glof inspect` knows, asked in this order. */
const kinds: readonly InspectKind[] = [weightsKind];

interface InspectFlags {
  all?: boolean;
  json?: boolean;
}

const HELP = `
Reads no more than it must: of weights, the table of tensors. Works on addresses too, by range requests.

Examples:
  $ glof inspect dinov2_vitl14_pretrain.pth     tensors, model, parameters, what is missing
  $ glof inspect lake-model.safetensors         a glof bundle: bands, scores, sha256
  $ glof inspect weights.pth --json | jq .model`;

/** Adds `glof inspect`. */
export function addInspectCommand(program: Command): void {
  program
    .command("inspect")
    .description("what a file holds: weights, bundles")
    .argument("<file>", "a file, a folder or an address")
    .option("--all", "list everything, one line each")
    .option("--json", "print everything as JSON on stdout")
    .addHelpText("after", HELP)
    .action(runInspect);
}

async function runInspect(path: string, flags: InspectFlags): Promise<void> {
  const input = await lookAt(path);
  const kind = kinds.find((one) => one.recognises(input));
  if (!kind) {
    throw new GlofError(
      "unsupported-format",
      `glof inspect: expected ${kinds.map(({ title }) => title).join("; ")}, got ${path}. Check the path.`,
      { path },
    );
  }
  await withInterrupt(async (signal) => {
    const { lines, json } = await kind.inspect(input, { all: flags.all ?? false, signal });
    if (flags.json) processConsole(flags).json(json);
    else process.stdout.write(`${lines.join("\n")}\n`);
  });
}
