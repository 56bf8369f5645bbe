import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { GoldenCase } from "./case.js";

/** One folder of fixtures. */
export interface FixtureGroup {
  readonly name: string;
  readonly folder: string;
  readonly fixturesFolder: string;
  readonly cases: readonly GoldenCase[];
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Reads `<folder>/<group>/cases.json` of every group, or of the named one. */
export async function readFixtures(fixturesFolder: string, only?: string): Promise<FixtureGroup[]> {
  const names = (await readdir(fixturesFolder)).filter((name) =>
    existsSync(join(fixturesFolder, name, "cases.json")),
  );
  if (only && !names.includes(only)) {
    throw new Error(`${fixturesFolder} holds no group "${only}"; it has ${names.join(", ") || "none"}.`);
  }
  return Promise.all(
    names.filter((name) => !only || name === only).map((name) => readGroup(fixturesFolder, name)),
  );
}

async function readGroup(fixturesFolder: string, name: string): Promise<FixtureGroup> {
  const folder = join(fixturesFolder, name);
  const { cases, ...facts } = JSON.parse(await readFile(join(folder, "cases.json"), "utf8")) as {
    cases: GoldenCase[];
  };
  return { name, folder, fixturesFolder, cases, facts };
}
