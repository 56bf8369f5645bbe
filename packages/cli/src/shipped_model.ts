import { fileURLToPath } from "node:url";

/** Path of the bundle that comes with the command: bands B02, B03, B04, B08. */
export function shippedModelPath(): string {
  return fileURLToPath(new URL("../models/glof-small.safetensors", import.meta.url));
}
