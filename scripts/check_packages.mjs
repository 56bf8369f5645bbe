// Packs every public package as npm would publish it, lints the tarballs (publint, attw), installs them all into an empty
// folder with npm, imports each from there, and runs the installed command.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { publicPackages } from "./public_packages.mjs";
import { env, root } from "./workspace.mjs";

const bin = (name) => join(root, "node_modules", ".bin", name);
const problems = [];
const folder = mkdtempSync(join(tmpdir(), "glof-packed-"));
const consumer = join(folder, "consumer");

try {
  const packages = publicPackages();
  for (const { folder: source, name } of packages) {
    const before = new Set(readdirSync(folder));
    call(`pack ${name}`, bin("pnpm"), ["pack", "--pack-destination", folder], source);
    const tarball = readdirSync(folder).find((file) => !before.has(file));
    if (tarball === undefined) continue;
    call(`publint ${name}`, bin("publint"), ["run", join(folder, tarball), "--strict"], source);
    call(`attw ${name}`, bin("attw"), [join(folder, tarball), "--profile", "esm-only", "--quiet"], source);
  }
  installAndImport(
    packages.flatMap(({ name, entries }) => entries.map(({ subpath }) => name + subpath.slice(1))),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}

for (const problem of problems) console.error(`FAILED ${problem}`);
console.log(
  problems.length === 0
    ? "packages: all lint clean, install and import"
    : `packages: ${problems.length} problems`,
);
process.exitCode = problems.length === 0 ? 0 : 1;

function installAndImport(specifiers) {
  const tarballs = readdirSync(folder).filter((file) => file.endsWith(".tgz"));
  spawnSync("mkdir", ["-p", consumer]);
  writeFileSync(
    join(consumer, "package.json"),
    JSON.stringify({ name: "consumer", private: true, type: "module" }),
  );
  const peers = ["@tensorflow/tfjs-core@4.22.0"];
  const flags = [
    "install",
    "--no-audit",
    "--no-fund",
    "--ignore-scripts",
    "--prefer-offline",
    "--loglevel=error",
  ];
  call(
    "npm install of all tarballs",
    "npm",
    [...flags, ...tarballs.map((file) => `../${file}`), ...peers],
    consumer,
  );
  writeFileSync(
    join(consumer, "smoke.mjs"),
    specifiers
      .map((specifier) => {
        const text = JSON.stringify(specifier);
        return `{ const names = Object.keys(await import(${text})); if (names.length === 0) throw new Error(${text} + " exports nothing"); }`;
      })
      .join("\n"),
  );
  call("import from the installed packages", process.execPath, ["smoke.mjs"], consumer);
  call("the installed command", join(consumer, "node_modules", ".bin", "glof"), ["--version"], consumer);
}

function call(what, command, args, cwd) {
  const done = spawnSync(command, args, { cwd, env, encoding: "utf8" });
  if (done.status === 0) return;
  problems.push(`${what}\n${done.stdout ?? ""}${done.stderr ?? ""}${done.error ?? ""}`.trimEnd());
}
