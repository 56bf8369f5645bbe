import { stat } from "node:fs/promises";
import type { Checkpoint, CheckpointEntry } from "@glof/checkpoint";
import { isGlofError } from "@glof/core";
import { countParams } from "@glof/nn";
import type { Bundle } from "@glof/segmenter";
import {
  type Dinov2Description,
  describeDinov2,
  dinov2Specs,
  dinov2Variants,
  ffnHidden,
} from "@glof/vit-dinov2";

const bundleFormat = "glof-lake-segmenter";
/** Longer lists are cut, and say by how much. */
const shownNames = 12;

/** What is known of the model that weights are for. */
export interface ModelFacts {
  readonly facts?: ReturnType<typeof factsOf>;
  /** Why it is not known. */
  readonly reason?: string;
}

/** Recognises a DINOv2 backbone. */
export function modelFacts(checkpoint: Checkpoint): ModelFacts {
  try {
    return { facts: factsOf(describeDinov2(checkpoint)) };
  } catch (error) {
    if (!isGlofError(error, "parameter-mismatch") && !isGlofError(error, "bad-config")) throw error;
    return { reason: error.message };
  }
}

function factsOf({ recognized, variant, config, report }: Dinov2Description) {
  const { naming, prefix, chunked, outside, depth } = recognized;
  const { missing, unused, misshaped } = report;
  const { name: _, ...settings } = config;
  return {
    family: "dinov2",
    variant: variant ?? null,
    title: titleOf(variant),
    naming,
    prefix,
    chunked,
    depth,
    officialDepth: variant === undefined ? null : dinov2Variants[variant].depth,
    parameters: countParams(dinov2Specs(config)).weights,
    config: settings,
    missing,
    unused,
    misshaped,
    outside,
  };
}

/** `dinov2_vitl14_reg` as papers write it: ViT-L/14 with registers. */
function titleOf(variant: Dinov2Description["variant"]): string {
  const size = /_vit([a-z])14/.exec(variant ?? "")?.[1];
  if (size === undefined) return "DINOv2 of another size";
  const letter = size === "g" ? size : size.toUpperCase();
  return `DINOv2 ViT-${letter}/14${variant?.endsWith("_reg") ? " with registers" : ""}`;
}

/** Lines on the model and on what a load into it would miss. `bands`: where something else than the weights tells. */
export function modelLines({ facts, reason }: ModelFacts, bands = facts?.config.bands ?? []): string[] {
  if (!facts) return [`model     not known (${reason})`];
  const { config, prefix, depth, officialDepth } = facts;
  const blocks =
    officialDepth === null || officialDepth === depth ? "" : ` (the official has ${officialDepth})`;
  const where = prefix ? `, under ${prefix}` : "";
  return [
    `model     ${facts.title}, ${depth} blocks${blocks}, ${facts.parameters.toLocaleString("en")} parameters`,
    `          width ${config.embedDim}, ${config.ffn === "mlp" ? "MLP" : "SwiGLU"} ${ffnHidden(config)}, ` +
      `${config.registers} registers, bands ${bands.join(" ")}, positions of ${config.imageSizePx} px`,
    `names     ${facts.naming}${where}${facts.chunked ? ", blocks in chunks" : ""}`,
    `missing   ${listed(facts.missing)}`,
    `unused    ${listed(facts.unused)}`,
    ...facts.misshaped.map(
      ({ name, expected, got }) => `shape     ${name}: [${got}], the model has [${expected}]`,
    ),
    ...(facts.outside.length > 0 ? [`besides   ${listed(facts.outside)}`] : []),
  ];
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return "nothing";
  const more = names.length > shownNames ? `, and ${names.length - shownNames} more` : "";
  return `${names.slice(0, shownNames).join(", ")}${more}`;
}

/** A line per tensor; those that differ in their numbers alone share one, unless `all`. */
export function tensorLines({ entries }: Checkpoint, all: boolean): string[] {
  const groups = new Map<string, CheckpointEntry[]>();
  for (const entry of entries.values()) {
    const pattern = entry.name.replace(/(?<=^|\.)\d+(?=\.|$)/g, "*");
    const key = all ? entry.name : `${pattern} ${entry.dtype} ${entry.shape}`;
    groups.set(key, [...(groups.get(key) ?? []), entry]);
  }
  const rows = [...groups.values()].map((group) => {
    const { dtype, shape } = group[0]!;
    const count = group.length > 1 ? `  x ${group.length}` : "";
    return {
      name: foldedName(group.map(({ name }) => name)),
      facts: `${dtype} [${shape.join(", ")}]${count}`,
    };
  });
  const width = rows.reduce((most, { name }) => Math.max(most, name.length), 0);
  return rows.map(({ name, facts }) => `  ${name.padEnd(width)}  ${facts}`);
}

/** `blocks.0.ls1.gamma` … `blocks.23.ls1.gamma` as `blocks.{0-23}.ls1.gamma`. */
function foldedName(names: readonly string[]): string {
  const parts = names.map((name) => name.split("."));
  return parts[0]!
    .map((part, at) => {
      const numbers = parts.map((one) => Number(one[at]));
      const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
      return parts.every((one) => one[at] === part) ? part : `{${low}-${high}}`;
    })
    .join(".");
}

/** Whether weights are a bundle of glof: a file that says so, or the weights of a folder with a config. */
export async function isBundle({ metadata }: Checkpoint, path: string): Promise<boolean> {
  if (metadata.format === bundleFormat) return true;
  const config = await stat(`${path}/config.json`).catch(() => undefined);
  const weights = await stat(`${path}/weights.safetensors`).catch(() => undefined);
  return config !== undefined && weights !== undefined;
}

/** Lines on a bundle: what it maps, what it was made of, how good it is. */
export function bundleLines({ config, card, sha256 }: Pick<Bundle, "config" | "card" | "sha256">): string[] {
  const scores = Object.entries(card.scores ?? {}).map(([name, value]) => `${name} ${value}`);
  return [
    `bundle    ${config.name}: ${card.description}`,
    `          bands ${config.bands.join(" ")}, threshold ${config.threshold}, tiles of ${config.tilePx} px, ` +
      `overlap ${config.overlapPx} px`,
    ...(card.licence === undefined ? [] : [`licence   ${card.licence}`]),
    ...(scores.length > 0 ? [`scores    ${scores.join(", ")}`] : []),
    `sha256    ${sha256} (verified)`,
  ];
}
