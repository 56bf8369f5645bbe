import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";

/** A folder for the tests of one file; `at("a.tif")` is a path in it. It is gone afterwards. */
export function useTemporaryFolder(): { readonly at: (name: string) => string } {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "glof-geo-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return { at: (name) => join(folder, name) };
}
