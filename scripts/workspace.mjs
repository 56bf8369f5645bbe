// Shared by the root scripts: brings pnpm and the dependencies, runs steps, and reports them.
// Plain Node and npm only: these scripts run before anything is installed.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const pnpmVersion = manifest.packageManager.split("@")[1];

/** Environment in which the workspace's own tools, pnpm among them, are on the PATH. */
export const env = {
  ...process.env,
  PATH: join(root, "node_modules", ".bin") + delimiter + process.env.PATH,
  TURBO_TELEMETRY_DISABLED: "1",
  DO_NOT_TRACK: "1",
};

/** Refuses a Node that is too old, with the reason. */
export function requireNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(`glof: expected Node.js >= 20.19, got ${process.versions.node}. Install a newer Node.js.`);
  process.exit(1);
}

/** Installs the dependencies, and pnpm itself where the machine has none. The lock file is never changed. */
export function install() {
  requireNode();
  const local = join(root, "node_modules", ".bin", "pnpm");
  const [command, ...first] = existsSync(local) ? [local] : ["npx", "--yes", `pnpm@${pnpmVersion}`];
  const done = spawnSync(command, [...first, "install", "--frozen-lockfile", "--prefer-offline"], {
    cwd: root,
    env,
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
  });
  if (done.status !== 0) {
    console.error("glof: installing the dependencies failed; the reason is printed above.");
    process.exit(1);
  }
}

/** Runs a command of the workspace, its output passed through. Resolves to the exit code. */
export function run(command, args, extraEnv = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...env, ...extraEnv },
      stdio: ["ignore", "inherit", "inherit"],
      shell: process.platform === "win32",
    });
    child.on("error", () => resolve(127));
    child.on("close", (code) => resolve(code ?? 1));
  });
}

/** Builds every package, or one with what it needs; turbo redoes only what changed. */
export async function build(only) {
  const filter = only === undefined ? [] : ["--filter", only];
  const code = await run("turbo", ["run", "build", "--output-logs=errors-only", ...filter]);
  if (code !== 0) {
    console.error("glof: the build failed; the reason is printed above.");
    process.exit(1);
  }
}
