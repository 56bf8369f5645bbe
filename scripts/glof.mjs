#!/usr/bin/env node
// `npx glof …` in a clone: runs the built command, building it first where it is not built yet.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build, install, root } from "./workspace.mjs";

const main = join(root, "packages", "cli", "dist", "main.js");
if (!existsSync(main)) {
  console.error("glof: building the command first (once).");
  install();
  await build("@glof/cli");
}
await import(pathToFileURL(main).href);
