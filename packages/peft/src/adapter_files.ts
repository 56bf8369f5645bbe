import { type Checkpoint, openCheckpoint, writeSafetensors } from "@glof/checkpoint";
import { GlofError, parseJson as parseShallow } from "@glof/core";
import { disposeParams, loadParams, type Model, type ParamSpec, type Params, saveParams } from "@glof/nn";
import type * as tf from "@tensorflow/tfjs-core";
import { type LoraConfig, loraConfigFromPeft, loraConfigToPeft, type PeftJson } from "./config.js";
import { buildLora, type LoraModel } from "./lora_model.js";
import { moduleOf } from "./targets.js";

const configFile = "adapter_config.json";
const weightsFiles = ["adapter_model.safetensors", "adapter_model.bin"] as const;
const filePrefix = "base_model.model.";

/** An adapter as it lies in a folder. Close the checkpoint when done. */
export interface AdapterFiles {
  readonly config: LoraConfig;
  readonly checkpoint: Checkpoint;
}

/**
 * Writes `adapter_config.json` and `adapter_model.safetensors` as the Python library peft lays them out. Only what
 * learns is written: adapters, `modulesToSave` and the biases asked for.
 *
 * @throws GlofError `parameter-mismatch`, `no-space`, `not-writable`, `io`
 */
export async function writeAdapter<Input, Output, Config>(
  folder: string,
  lora: LoraModel<Input, Output, Config>,
  params: Params,
): Promise<void> {
  const { writeFileAtomic } = await import("@glof/core/node");
  const specs = storedSpecs(lora);
  const tensors = await saveParams(specs, params);
  const names = fileNames(lora);
  const named = Object.entries(tensors).map(([name, tensor]) => [names.get(name)!, tensor]);
  await writeSafetensors(`${folder}/${weightsFiles[0]}`, Object.fromEntries(named), {
    metadata: { format: "pt" },
  });
  const json = JSON.stringify(loraConfigToPeft(lora.config.lora), null, 2);
  await writeFileAtomic(`${folder}/${configFile}`, `${json}\n`);
}

/**
 * Opens an adapter folder of peft, in Node.
 *
 * @throws GlofError `not-found`, `unsupported-format`, `unsupported-feature`
 */
export async function openAdapter(folder: string): Promise<AdapterFiles> {
  const { readFile } = await import("node:fs/promises");
  const { existsSync } = await import("node:fs");
  const { asGlofError } = await import("@glof/core/node");
  const path = `${folder}/${configFile}`;
  const config = loraConfigFromPeft(parseJson(await asGlofError(path, () => readFile(path, "utf8")), path));
  const weights = weightsFiles.map((name) => `${folder}/${name}`).find((name) => existsSync(name));
  if (weights === undefined) {
    throw new GlofError(
      "not-found",
      `openAdapter: expected ${weightsFiles.join(" or ")} in ${folder}, got neither.`,
    );
  }
  return { config, checkpoint: await openCheckpoint(weights) };
}

/**
 * A model with the adapter of a file on it. Everything is checked: names and shapes must be those that the config makes
 * of this model.
 *
 * @param baseParams borrowed; the result shares their values under handles of its own
 * @returns the model, and its parameters, which the caller disposes
 * @throws GlofError `parameter-mismatch`, and what `buildLora` throws
 */
export async function loadAdapter<Input, Output, Config>(
  base: Model<Input, Output, Config>,
  baseParams: Params,
  { config, checkpoint }: AdapterFiles,
): Promise<{ readonly lora: LoraModel<Input, Output, Config>; readonly params: Params }> {
  const lora = buildLora(base, config);
  const names = fileNames(lora);
  const ownNames = new Map([...names].map(([own, file]) => [file, own]));
  const specs = storedSpecs(lora).map((spec) => ({
    ...spec,
    name: nameIn(checkpoint, names.get(spec.name)!),
  }));
  const read = await loadParams(specs, checkpoint);
  const params: Record<string, tf.Tensor> = {};
  for (const [name, tensor] of Object.entries(baseParams)) params[name] = tensor.clone();
  for (const [fileName, tensor] of Object.entries(read)) {
    const own = ownNames.get(fileName) ?? ownNames.get(fileName.replace(/\.weight$/, ""))!;
    if (params[own]) disposeParams({ own: params[own] });
    params[own] = tensor;
  }
  return { lora, params };
}

/** Specs of what an adapter file holds. */
function storedSpecs({
  specs,
  adapterSpecs,
  savedNames,
}: Pick<LoraModel<never, never>, "specs" | "adapterSpecs" | "savedNames">): ParamSpec[] {
  return [...adapterSpecs, ...specs.filter(({ name }) => savedNames.includes(name))];
}

/** From our names to those in the file: a bias beside an adapter belongs to the `base_layer` there. */
function fileNames({
  adapterSpecs,
  savedNames,
  modules,
}: Pick<LoraModel<never, never>, "adapterSpecs" | "savedNames" | "modules">): Map<string, string> {
  const adapted = new Set(modules.map(({ name }) => name));
  const names = new Map(adapterSpecs.map(({ name }) => [name, filePrefix + name]));
  for (const name of savedNames) {
    const owner = moduleOf(name);
    const inFile = adapted.has(owner) ? `${owner}.base_layer${name.slice(owner.length)}` : name;
    names.set(name, filePrefix + inFile);
  }
  return names;
}

/** Some versions of peft end the magnitude's name with `.weight`. */
function nameIn({ entries }: Checkpoint, name: string): string {
  const longer = `${name}.weight`;
  return !entries.has(name) && name.endsWith(".lora_magnitude_vector") && entries.has(longer) ? longer : name;
}

function parseJson(text: string, path: string): PeftJson {
  try {
    return parseShallow(text) as PeftJson;
  } catch (cause) {
    throw new GlofError("corrupt-file", `openAdapter: expected JSON in ${path}. Get the file again.`, {
      path,
      cause,
    });
  }
}
