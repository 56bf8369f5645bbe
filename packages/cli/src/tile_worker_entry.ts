import { extname } from "node:path";
import { fileURLToPath } from "node:url";

/** Script of the worker processes, beside this one: in the sources as in the built command. */
export function tileWorkerEntry(): string {
  const here = fileURLToPath(import.meta.url);
  return fileURLToPath(new URL(`./tile_worker${extname(here)}`, import.meta.url));
}
