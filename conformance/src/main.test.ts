import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeSafetensors } from "@glof/checkpoint";
import { hasShared } from "@glof/test-kit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const tsx = join(root, "node_modules/tsx/dist/cli.mjs");
const main = join(root, "conformance/src/main.ts");

/** Runs the command as a user does and gives its exit code and what it printed. */
function run(...args: readonly string[]): Promise<{ code: number; out: string }> {
  return new Promise((done) => {
    execFile(
      process.execPath,
      [tsx, main, ...args],
      { cwd: root, maxBuffer: 1 << 24 },
      (error, stdout, stderr) => {
        done({ code: error ? Number(error.code ?? 1) : 0, out: stdout + stderr });
      },
    );
  });
}

describe.skipIf(!hasShared("fixtures"))("golden cases of the original code", () => {
  it.each(["dinov2", "ops", "losses", "metrics", "optim", "peft"])(
    "group %s passes on wasm",
    async (group) => {
      const { code, out } = await run("--group", group, "--backend", "wasm");
      expect(out).toMatch(/^[1-9]\d* passed, 0 failed$/m);
      expect(code).toBe(0);
    },
    300_000,
  );
});

describe("the command", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "glof-conformance-"));
    await mkdir(join(folder, "dinov2"));
    const shape = [1, 1, 15, 28];
    const image = { shape, values: new Float32Array(15 * 28).fill(1) };
    const wrong = { shape: [1, 1, 28, 28], values: new Float32Array(28 * 28) };
    await writeSafetensors(join(folder, "dinov2/pad.safetensors"), { "in.x": image, "out.y": wrong });
    const padding = {
      id: "pad",
      file: "pad.safetensors",
      kind: "center_padding",
      options: { multiple: 14 },
      inputs: { "in.x": { dtype: "F32", shape } },
      expected: { "out.y": { dtype: "F32", shape: wrong.shape, atol: 0, rtol: 0 } },
    };
    const unknown = { ...padding, id: "unknown", kind: "nonsense" };
    await writeFile(join(folder, "dinov2/cases.json"), JSON.stringify({ cases: [padding, unknown] }));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("fails on a wrong value and on a kind it does not know, and says so", async () => {
    const json = join(folder, "result.json");
    const { code, out } = await run("--fixtures", folder, "--backend", "cpu", "--json", json);
    expect(code).toBe(1);
    expect(out).toMatch(/FAILED pad[\s\S]*out\.y: Infinity x tolerance/);
    expect(out).toMatch(/no runner for kind nonsense/);
    expect(out).toMatch(/^0 passed, 2 failed$/m);
    expect(JSON.parse(await readFile(json, "utf8"))).toMatchObject({ backend: "cpu", passed: 0, failed: 2 });
  });

  it("refuses other backends and groups", async () => {
    expect(await run("--backend", "webgl")).toMatchObject({
      code: 2,
      out: expect.stringMatching(/got "webgl"/),
    });
    const missing = await run("--fixtures", folder, "--group", "nope");
    expect(missing).toMatchObject({
      code: 2,
      out: expect.stringMatching(/holds no group "nope"; it has dinov2/),
    });
  });
}, 60_000);
