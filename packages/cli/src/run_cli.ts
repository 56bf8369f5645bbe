import { isGlofError } from "@glof/core";
import { Command, CommanderError } from "commander";
import { addBenchCommand } from "./commands/bench.js";
import { addChipsCommand } from "./commands/chips.js";
import { addConvertCommand } from "./commands/convert.js";
import { addDoctorCommand } from "./commands/doctor.js";
import { addFeaturesCommand } from "./commands/features.js";
import { addIndexCommand } from "./commands/index_command.js";
import { addInspectCommand } from "./commands/inspect.js";
import { addMapCommand } from "./commands/map.js";
import { addPolygonizeCommand } from "./commands/polygonize.js";
import { addStackCommand } from "./commands/stack.js";
import { addSynthCommand } from "./commands/synth.js";
import { addTrainCommand } from "./commands/train.js";
import { EXIT, exitCodeOf } from "./exit_codes.js";
import { glofVersion } from "./version.js";

const HELP = `
Examples:
  $ glof map scene.tif --out lakes              map a multi-band GeoTIFF with band names
  $ glof map S2_bands/ --out lakes --aoi my.geojson
  $ glof features scene.tif --pca features.png  what the backbone sees
  $ glof synth --out demo --size 1024           make a scene to try it on
  $ glof doctor                                 what this machine can run

Exit codes: 0 done, 1 failed, 2 wrong command line or config file, 130 interrupted by Ctrl-C.`;

/** Runs one command line (without `node` and the script) and gives the exit code. Nothing is thrown. */
export async function runCli(args: readonly string[]): Promise<number> {
  const program = new Command("glof")
    .description("Find, outline and measure glacial lakes in Sentinel-2 imagery.")
    .version(glofVersion(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [command]", "print the help of a command")
    .addHelpText("after", HELP)
    .showHelpAfterError("(glof <command> --help lists the options)")
    // Not to process's own streams: they are looked up when something is printed.
    .configureOutput({
      writeOut: (text) => void process.stdout.write(text),
      writeErr: (text) => void process.stderr.write(text),
    })
    // Before the commands: they copy it when they are added.
    .exitOverride();
  addMapCommand(program);
  addStackCommand(program);
  addIndexCommand(program);
  addPolygonizeCommand(program);
  addChipsCommand(program);
  addTrainCommand(program);
  addSynthCommand(program);
  addFeaturesCommand(program);
  addInspectCommand(program);
  addConvertCommand(program);
  addDoctorCommand(program);
  addBenchCommand(program);
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
  if (isGlofError(error, "aborted")) return "glof: interrupted; no half-written file is left.";
  if (isGlofError(error)) return `glof: ${error.message}`;
  return `glof: an unexpected error; please report it.\n${error instanceof Error ? error.stack : String(error)}`;
}
