import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { trainConfigSchema } from "./train_config.js";

const text = readFileSync(new URL("../../../../docs/training.md", import.meta.url), "utf8");

/** Every name in a schema, at any depth. */
function namesIn(schema: unknown): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  const { shape, options, element, unwrap } = schema as {
    shape?: Record<string, unknown>;
    options?: readonly unknown[];
    element?: unknown;
    unwrap?: () => unknown;
  };
  if (options !== undefined) return options.flatMap(namesIn);
  if (element !== undefined) return namesIn(element);
  if (shape !== undefined) return Object.entries(shape).flatMap(([name, inner]) => [name, ...namesIn(inner)]);
  return unwrap === undefined ? [] : namesIn(unwrap.call(schema));
}

describe("docs/training.md", () => {
  it("has every setting of the config, and no other", () => {
    const names = new Set(namesIn(trainConfigSchema));
    expect(names.size).toBeGreaterThan(40);
    expect([...names].filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
    const rows = [...text.slice(text.indexOf("## Settings")).matchAll(/^\| `(\w+)`/gm)].map(
      ([, name]) => name!,
    );
    expect(rows.filter((name) => !names.has(name))).toEqual([]);
  });

  it("states the defaults that the config has", () => {
    const config = trainConfigSchema.parse({
      out: "run",
      steps: 1,
      train: [{ scenes: "a" }],
      validation: [{ image: "b", mask: "c" }],
    });
    const { name, seed, crop, batch, accumulate, warmup, lakeShare, learningRate, weightDecay } = config;
    const numbers = { seed, crop, batch, accumulate, warmup, lakeShare };
    for (const [setting, value] of Object.entries(numbers)) {
      expect(text, setting).toContain(`| \`${setting}\` | ${value} |`);
    }
    expect([learningRate, weightDecay]).toEqual([3e-4, 1e-4]);
    expect(text).toContain(`| \`name\` | \`${name}\` |`);
    expect(text).toContain(`\`[${config.bands.join(", ")}]\``);
    const { lovasz, dice, bce } = config.loss;
    expect(text).toContain(`{ lovasz: ${lovasz}, dice: ${dice}, bce: ${bce} }`);
    expect(config.validation[0]).toMatchObject({ lake: [1], other: [0] });
  });
});
