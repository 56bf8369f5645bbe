import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { countParams } from "@glof/nn";
import { describe, expect, it } from "vitest";
import * as api from "./index.js";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
/** Its tsconfig.json names the sources of the packages. */
const root = fileURLToPath(new URL("../../../", import.meta.url));

describe("the README", () => {
  it("prints what it says it prints", () => {
    const [, code, output] = /```ts\n([\s\S]*?)```\n\n```\n([\s\S]*?)```/.exec(readme)!;
    expect(code!.trim().split("\n").length).toBeLessThanOrEqual(15);
    const tsx = createRequire(import.meta.url).resolve("tsx/cli");
    const args = [tsx, "--input-type=module", "-e", code!];
    const { stdout, stderr, status } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
    expect(stdout, stderr).toBe(output);
    expect(status).toBe(0);
  });

  const rows = readme
    .split("\n")
    .filter((line) => /^\| `build.*MLP|^\| `build.*SwiGLU/.test(line))
    .map((line) => line.split("|").map((cell) => cell.trim()));

  it("has a row for each variant", () => {
    expect(rows).toHaveLength(Object.keys(api.dinov2Variants).length + 1);
  });

  it.each(rows)("states sizes and costs: |%s %s", (...[, build, ...cells]) => {
    const [, name, depth] = /^`(\w+)(?:\(\{ depth: (\d+) \}\))?`$/.exec(build!)!;
    const builders = api as unknown as Record<string, (options: api.VariantOptions) => api.Dinov2Model>;
    const { config, specs } = builders[name!]!(depth === undefined ? {} : { depth: Number(depth) });
    const { embedDim, heads, ffn, registers } = config;
    const { weights } = countParams(specs);
    const gflop = (side: number): string => (api.flopsOf(config, [side, side]) / 1e9).toFixed(1);
    const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
    const hidden = `${ffn === "mlp" ? "MLP" : "SwiGLU"} ${api.ffnHidden(config)}`;
    expect(cells.slice(0, 10)).toEqual([
      ...[embedDim, config.depth, heads, hidden, registers].map(String),
      weights.toLocaleString("en"),
      gflop(224),
      gflop(518),
      mib(weights * 4),
      mib(weights * 2),
    ]);
  });
});
