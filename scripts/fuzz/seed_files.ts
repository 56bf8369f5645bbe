import { readdirSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { hasShared, sharedPath } from "../../packages/test-kit/src/shared_folder.js";
import { type InputFiles, oneFile } from "./fuzz_target.js";

/** Absolute path of something in the project. */
export const projectPath = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** Files of a folder, and of those below, as inputs of one file each. */
export function filesOf(folder: string, ending: RegExp, maxBytes = 200_000): InputFiles[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => ending.test(name))
    .sort()
    .map((name) => `${folder}/${name}`)
    .filter((path) => statSync(path).size <= maxBytes)
    .map((path) => oneFile(path.replace(/^.*\//, ""), readFileSync(path)));
}

/** The same of the reference material beside the project; none where that is absent. */
export const sharedFiles = (folder: string, ending: RegExp, maxBytes?: number): InputFiles[] =>
  hasShared(folder) ? filesOf(sharedPath(folder), ending, maxBytes) : [];
