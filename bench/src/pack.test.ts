import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

const script = fileURLToPath(new URL("../../scripts/pack_gpu_bench.mjs", import.meta.url));

describe("the archive for a machine with a GPU", () => {
  const place = mkdtempSync(join(tmpdir(), "glof-pack-"));
  afterAll(() => rmSync(place, { recursive: true, force: true }));

  /** Runs a program in the archive's folder, where nothing of this clone is found. */
  function inArchive(command: string, args: readonly string[], input = ""): string {
    const { status, stdout, stderr } = spawnSync(command, args, { cwd: place, input, encoding: "utf8" });
    expect(stderr).toBe("");
    expect(status).toBe(0);
    return stdout;
  }

  it("holds all that its programs load", () => {
    expect(inArchive(process.execPath, [script, join(place, "bench.tgz")])).toMatch(/MiB/);
    inArchive("tar", ["-xzf", "bench.tgz"]);
    for (const name of ["main", "check", "tune", "conformance", "glof_side", "stock_side"])
      expect(existsSync(join(place, "glof-gpu-bench", "bench", `${name}.mjs`)), name).toBe(true);

    // A model out of a file: what opens files is loaded by its name at run time.
    const args = { size: "T", depth: 1, path: join(place, "model.pth") };
    const requests = [
      { id: 1, ask: "prepare", task: { kind: "model", args } },
      { id: 2, ask: "quit" },
    ];
    const lines = requests.map((request) => `${JSON.stringify(request)}\n`).join("");
    const answers = inArchive(process.execPath, ["glof-gpu-bench/bench/glof_side.mjs", "cpu"], lines);
    expect(
      answers
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual([{ id: 1 }, { id: 2 }]);
  }, 120_000);
});
