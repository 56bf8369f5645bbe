import { importInNode, isNode } from "./environment.js";
import { loadProblem, tensorflowPackages } from "./tensorflow_backend.js";

/** What is known of a package that a backend comes from. */
export interface PackageFacts {
  readonly name: string;
  /** `undefined` when it is not installed or does not tell. */
  readonly version: string | undefined;
  readonly optional: boolean;
  /** Why an optional package is not there or does not load; absent when it loads. */
  readonly problem?: string;
}

const requiredPackages = [
  "@tensorflow/tfjs-core",
  "@tensorflow/tfjs-backend-webgpu",
  "@tensorflow/tfjs-backend-wasm",
  "@tensorflow/tfjs-backend-cpu",
  "webgpu",
] as const;

/** Versions of the packages behind the backends, as Node resolves them from here; none in a browser. */
export async function packageFacts(): Promise<PackageFacts[]> {
  if (!isNode) return [];
  const { createRequire } = await importInNode<typeof import("node:module")>("node:module");
  const { readFile } = await importInNode<typeof import("node:fs/promises")>("node:fs/promises");
  const require = createRequire(import.meta.url);
  const versionOf = async (name: string): Promise<string | undefined> => {
    for (const folder of require.resolve.paths(name) ?? []) {
      const text = await readFile(`${folder}/${name}/package.json`, "utf8").catch(() => undefined);
      if (text !== undefined) return (JSON.parse(text) as { version?: string }).version;
    }
    return undefined;
  };
  const required = requiredPackages.map(async (name) => ({
    name,
    version: await versionOf(name),
    optional: false,
  }));
  const optional = tensorflowPackages.map(async (name) => {
    const version = await versionOf(name);
    if (version === undefined) return { name, version, optional: true, problem: `${name} is not installed` };
    const problem = await loadProblem(name);
    return problem === undefined
      ? { name, version, optional: true }
      : { name, version, optional: true, problem };
  });
  return Promise.all([...required, ...optional]);
}
