import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

/** Version of this command, from its own package. */
export function glofVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  return manifest.version;
}

/** Versions that a result depends on, for `run.json`. */
export function programVersions(): Record<string, string> {
  const require = createRequire(import.meta.url);
  const tfjs = require("@tensorflow/tfjs-core/package.json") as { version: string };
  return { glof: glofVersion(), node: process.version, "tfjs-core": tfjs.version };
}
