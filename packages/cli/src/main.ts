#!/usr/bin/env node
import { removeUnfinishedFiles } from "@glof/core/node";
import { runCli } from "./run_cli.js";

// Whatever ends the process, a crash included: no half-written file stays.
process.on("exit", removeUnfinishedFiles);
// `glof map … --json | head`: a reader that has seen enough is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

process.exitCode = await runCli(process.argv.slice(2));
