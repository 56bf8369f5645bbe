import { writeFile } from "node:fs/promises";
import { isGlofError } from "@glof/core";
import { describe, expect, it } from "vitest";
import { useFolder } from "../testing/made_up_files.js";
import { closestName } from "./closest_name.js";
import { readConfig } from "./read_config.js";
import { trainConfigSchema } from "./train_config.js";

const { path } = useFolder();
const good = "out: run\nsteps: 3\ntrain: [{ scenes: a }]\nvalidation: [{ scenes: b }]\n";

async function faultsOf(yaml: string): Promise<string[]> {
  await writeFile(path("a.yaml"), yaml);
  const error = await readConfig(path("a.yaml"), trainConfigSchema).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(isGlofError(error, "bad-config")).toBe(true);
  return (error as Error).message.replaceAll(path("a.yaml"), "a.yaml").split("\n");
}

describe("readConfig", () => {
  it("fills in defaults", async () => {
    await writeFile(path("good.yaml"), good);
    const config = await readConfig(path("good.yaml"), trainConfigSchema);
    expect(config).toMatchObject({ steps: 3, crop: 252, batch: 4, seed: 0, train: [{ scenes: "a" }] });
  });

  it("tells every fault with line and column", async () => {
    const yaml = `${good}batch: many\nloss:\n  lovasz: 1\n  dice: -1\n  bce: 0\n`;
    expect(await faultsOf(yaml)).toEqual([
      expect.stringMatching(/^a\.yaml:5:1: batch: Invalid input: expected number, received string$/),
      expect.stringMatching(/^a\.yaml:8:3: loss\.dice: Too small/),
    ]);
  });

  it("refuses a few lines that stand for billions of values", async () => {
    const lists = [..."bcdefghij"].map((name, index) => {
      const last = `*${"abcdefghi"[index]}`;
      return `${name}: &${name} [${Array.from({ length: 9 }, () => last).join(",")}]`;
    });
    expect(await faultsOf(`a: &a [x,x,x]\n${lists.join("\n")}\n`)).toEqual([
      expect.stringMatching(/^a\.yaml: expected plain settings, got: .*alias/),
    ]);
  });

  it("names what is missing", async () => {
    expect(await faultsOf("out: run\ntrain: [{ scenes: a }]\nvalidation: [{ scenes: b }]\n")).toEqual([
      expect.stringMatching(/^a\.yaml:1:1: steps: Invalid input: expected number, received undefined/),
    ]);
    expect((await faultsOf("")).length).toBeGreaterThan(2);
    expect(await faultsOf("just text")).toEqual([expect.stringMatching(/^a\.yaml:1:1: .*expected object/)]);
  });

  it("asks what an unknown setting was meant to be, at any depth", async () => {
    expect(await faultsOf(`${good}learning-rate: 1\n`)).toEqual([
      "a.yaml:5:1: learning-rate is no setting. Did you mean learningRate?",
    ]);
    expect(await faultsOf(`${good}model: { depht: 3 }\nxyzzy: 1\n`)).toEqual([
      "a.yaml:5:10: model.depht is no setting. Did you mean depth?",
      "a.yaml:6:1: xyzzy is no setting.",
    ]);
  });

  it("tells a source of images what is wrong with it, and not what the other kind wants", async () => {
    const yaml =
      "out: run\nsteps: 3\ntrain:\n  - image: a.tif\n    maks: b.tif\nvalidation: [{ scenes: b }]\n";
    expect(await faultsOf(yaml)).toEqual([
      expect.stringMatching(/^a\.yaml:4:5: train\.0\.mask: /),
      "a.yaml:5:5: train.0.maks is no setting. Did you mean mask?",
    ]);
    expect(await faultsOf(`${good.replace("scenes: a", "scenes: a, wieght: 2")}`)).toEqual([
      "a.yaml:3:22: train.0.wieght is no setting. Did you mean weight?",
    ]);
  });

  it("tells where the YAML itself is broken, and that a file is absent", async () => {
    expect(await faultsOf("out: run\ntrain: [1, 2\nsteps: 3\n")).toEqual([
      expect.stringMatching(/^a\.yaml:3:1: expected YAML, got: /),
    ]);
    await expect(readConfig(path("none.yaml"), trainConfigSchema)).rejects.toSatisfy((error) =>
      isGlofError(error, "not-found"),
    );
  });
});

describe("closestName", () => {
  it("forgives case, hyphens and a slip or two, and does not guess wildly", () => {
    const names = ["threshold", "minArea", "out"];
    expect(
      ["treshold", "min-area", "MINAREA", "uot", "backend"].map((name) => closestName(name, names)),
    ).toEqual(["threshold", "minArea", "minArea", "out", undefined]);
  });
});
