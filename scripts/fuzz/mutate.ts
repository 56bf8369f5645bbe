import type { InputFiles } from "./fuzz_target.js";
import { mutateBytes } from "./mutate_bytes.js";
import { mutateJson, mutateText, mutateXml, mutateYaml } from "./mutate_text.js";
import { pick, type SeededRng } from "./rng.js";

const textKinds: readonly (readonly [RegExp, (text: string, rng: SeededRng) => string])[] = [
  [/\.(json|geojson|zarray|zgroup|zattrs|zmetadata)$/, mutateJson],
  [/\.(xml|gml|safe)$/, mutateXml],
  [/\.ya?ml$/, mutateYaml],
  [/\.(prj|cpg|txt)$/, mutateText],
];

/** Texts made are no longer, in letters: what was damaged and kept is damaged again, and would grow without end. */
const maxText = 1 << 20;

/**
 * A damaged copy of an input: one file of it, or a few, changed after their kind, sometimes left out or exchanged for
 * another file's content.
 *
 * @param other another sound input of the same target
 */
export function mutate(input: InputFiles, other: InputFiles, rng: SeededRng): InputFiles {
  const result = new Map(input);
  const names = [...input.keys()];
  const rounds = names.length === 1 ? 1 : 1 + rng.int(2);
  for (let round = 0; round < rounds; round++) {
    const name = pick(names, rng);
    const kind = names.length === 1 ? 2 : rng.int(20);
    if (kind === 0) result.delete(name);
    else if (kind === 1) result.set(name, input.get(pick(names, rng))!);
    else result.set(name, mutateFile(name, result.get(name) ?? new Uint8Array(0), other, rng));
  }
  return result;
}

function mutateFile(name: string, content: Uint8Array, other: InputFiles, rng: SeededRng): Uint8Array {
  const change = textKinds.find(([ending]) => ending.test(name))?.[1];
  if (change === undefined || rng.int(16) === 0) {
    return mutateBytes(content, rng, other.get(name) ?? pick([...other.values()], rng));
  }
  return new TextEncoder().encode(change(new TextDecoder().decode(content), rng).slice(0, maxText));
}
