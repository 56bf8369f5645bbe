import { isGlofError } from "@glof/core";
import { Command, CommanderError } from "commander";
import { addDoctorCommand } from "./commands/doctor.js";
import { addMapCommand } from "./commands/map.js";
import { addSynthCommand } from "./commands/synth.js";
import { addTrainCommand } from "./commands/train.js";
import { EXIT, exitCodeOf } from "./exit_codes.js";
import { glofVersion } from "./version.js";

/** Runs one command line (without `node` and the script) and gives the exit code. Nothing is thrown. */
export async function runCli(args: readonly string[]): Promise<number> {
  const program = new Command("glof")
    .description("Find, outline and measure glacial lakes in Sentinel-2 imagery.")
    .version(glofVersion())
    .showHelpAfterError("(glof <command> --help lists the options)")
    // Before the commands: they copy it when they are added.
    .exitOverride();
  addMapCommand(program);
  addTrainCommand(program);
  addSynthCommand(program);
  addDoctorCommand(program);
  try {
    await program.parseAsync([...args], { from: "user" });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    process.stderr.write(`${describeError(error)}\n`);
    return exitCodeOf(error);
  }
}

/** What a person reads: the message alone for our own errors, with the stack for what should not happen. */
function describeError(error: unknown): string {
  if (isGlofError(error)) return `glof: ${error.message}`;
  return `glof: an unexpected error; please report it.\n${error instanceof Error ? error.stack : String(error)}`;
}
