import * as tf from "@tensorflow/tfjs-core";
import { importInNode, isNode, messageOf } from "./environment.js";
import { unavailable } from "./unavailable.js";

/** The optional packages with the native TensorFlow library, best first. */
export const tensorflowPackages = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"] as const;

/** How a package is imported; the tests put their own in. */
export type ImportPackage = (name: string) => Promise<unknown>;

/** Facts about the native backend that runs. */
export interface TensorflowFacts {
  readonly package: string;
  readonly version: string | undefined;
}

/**
 * Starts the `tensorflow` backend out of the first of the optional packages that loads, and makes it the current one.
 *
 * @throws GlofError `backend-unavailable` that says of each package why not
 */
export async function startTensorflow(importPackage: ImportPackage = importInNode): Promise<TensorflowFacts> {
  const advice =
    "run npm install @tensorflow/tfjs-node, which downloads a library, or choose another backend";
  if (!isNode) throw unavailable("tensorflow", "it exists only in Node", "choose another backend");
  await restoreRemovedUtilities();
  const problems: string[] = [];
  for (const name of tensorflowPackages) {
    try {
      const loaded = await importPackage(name);
      if (tf.findBackendFactory("tensorflow") && (await tf.setBackend("tensorflow"))) {
        return { package: name, version: versionOf(loaded) };
      }
      problems.push(`${name} loads and registers no backend with this copy of tfjs-core`);
    } catch (error) {
      problems.push(problemOf(name, error));
    }
  }
  throw unavailable("tensorflow", problems.join("; "), advice);
}

/** Loads an optional package that is installed and says why it does not load; `undefined` when it does. */
export async function loadProblem(name: string): Promise<string | undefined> {
  await restoreRemovedUtilities();
  return importInNode(name).then(
    () => undefined,
    (error: unknown) => problemOf(name, error),
  );
}

/** Why an optional package does not load, in a few words. */
export function problemOf(name: string, error: unknown): string {
  const text = messageOf(error);
  const code = (error as { code?: string } | null)?.code;
  // Node's words, or Vite's for the optional peer of a package that it serves.
  const isMissing = code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND";
  if (isMissing && text.includes(`'${name}'`)) return `${name} is not installed`;
  if (text.startsWith(`Could not resolve "${name}"`)) return `${name} is not installed`;
  return `${name} is installed and does not load on Node ${process.version} (${text.split("\n")[0]})`;
}

/**
 * tfjs-node 4.22 calls `util.isNullOrUndefined` and its like, which Node 23 removed. They come back before it is loaded;
 * where they exist nothing changes.
 */
async function restoreRemovedUtilities(): Promise<void> {
  const { default: util } = await importInNode<{ default: Record<string, unknown> }>("node:util");
  util.isNullOrUndefined ??= (value: unknown): boolean => value === null || value === undefined;
  util.isArray ??= Array.isArray;
}

function versionOf(loaded: unknown): string | undefined {
  const version = (loaded as { version?: Record<string, unknown> } | null)?.version;
  return typeof version?.["tfjs-node"] === "string" ? version["tfjs-node"] : undefined;
}
