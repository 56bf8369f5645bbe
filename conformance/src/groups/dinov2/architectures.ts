import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { countParams } from "@glof/nn";
import { buildDinov2Variant, type Dinov2Variant, dinov2Variants } from "@glof/vit-dinov2";
import type { SideCheck } from "../../case.js";

interface Architecture {
  readonly depth: number;
  readonly param_count: number;
  readonly tensor_count: number;
  readonly top_level: Readonly<Record<string, readonly number[]>>;
  readonly block0: Readonly<Record<string, readonly number[]>>;
}

/** Every model of `official_architectures.json`: names, shapes and the number of parameters. */
export async function architectureChecks(folder: string): Promise<SideCheck[]> {
  const path = join(folder, "official_architectures.json");
  if (!existsSync(path)) return [];
  const { architectures } = JSON.parse(await readFile(path, "utf8")) as {
    architectures: Readonly<Record<string, Architecture>>;
  };
  return Object.entries(architectures).map(([name, stated]) => ({
    id: name,
    kind: "architecture",
    run: async () => compareArchitecture(name, stated),
  }));
}

function compareArchitecture(name: string, stated: Architecture): void {
  if (!Object.hasOwn(dinov2Variants, name)) throw new Error(`no variant ${name}`);
  const { specs } = buildDinov2Variant(name as Dinov2Variant);
  const want = new Map(Object.entries(stated.top_level));
  for (let layer = 0; layer < stated.depth; layer++) {
    for (const [part, shape] of Object.entries(stated.block0)) want.set(`blocks.${layer}.${part}`, shape);
  }
  const wrong = specs.filter((spec) => String(want.get(spec.name)) !== String(spec.shape));
  const { weights } = countParams(specs);
  if (wrong.length > 0 || specs.length !== stated.tensor_count || weights !== stated.param_count) {
    throw new Error(
      `${specs.length} tensors of ${weights} parameters, want ${stated.tensor_count} of ${stated.param_count}; ` +
        `other than stated: ${wrong.map((spec) => spec.name).join(", ") || "none"}`,
    );
  }
}
