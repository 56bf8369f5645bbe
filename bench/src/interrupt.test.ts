import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "glof-interrupt-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A run with a side that has started a process of its own; both write their numbers down, as does the folder of the run. */
const script = (here: string) => `
import { tmpdir } from "node:os";
import { endOnSignals, useOwnTemporaryFolder } from ${JSON.stringify(`${here}interrupt.ts`)};
import { startSide } from ${JSON.stringify(`${here}side_process.ts`)};
endOnSignals(() => console.log("stopped"));
useOwnTemporaryFolder();
const side = startSide("gdal", { command: process.execPath, env: {}, args: ["-e", \`
  const { spawn } = require("node:child_process");
  const child = spawn(process.execPath, ["-e", "setInterval(() => 0, 1000)"]);
  console.log(JSON.stringify({ id: 1, facts: { side: process.pid, below: child.pid } }));
  setInterval(() => 0, 1000);
\`] });
const { facts } = await side.ask({ ask: "hello" });
console.log(JSON.stringify({ ...facts, folder: tmpdir() }));
setInterval(() => 0, 1000);
`;

/** Gone, or dead with nobody yet who asked for its end. */
function hasEnded(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return true;
  }
  return process.platform === "linux" && /\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
}

describe.skipIf(process.platform === "win32")("Ctrl-C", () => {
  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)(
    "%s ends the sides with all they started, and the run with %i",
    async (signal, expected) => {
      const here = pathToFileURL(`${import.meta.dirname}/`).href;
      const run = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script(here)], {
        env: { ...process.env, TSX_TSCONFIG_PATH: join(import.meta.dirname, "..", "..", "tsconfig.json") },
        stdio: ["ignore", "pipe", "inherit"],
      });
      let printed = "";
      const line = new Promise<string>((resolve) =>
        run.stdout.on("data", (text) => {
          printed += text;
          if (printed.includes("}")) resolve(printed.split("\n")[0]!);
        }),
      );
      const started = JSON.parse(await line) as { side: number; below: number; folder: string };
      expect(existsSync(started.folder)).toBe(true);
      run.kill(signal);
      run.kill(signal);
      const code = await new Promise((resolve) => run.on("close", resolve));
      expect(code).toBe(expected);
      expect(printed).toContain("stopped");
      expect(existsSync(started.folder)).toBe(false);
      await expect.poll(() => [started.side, started.below].map(hasEnded)).toEqual([true, true]);
    },
    30_000,
  );
});
