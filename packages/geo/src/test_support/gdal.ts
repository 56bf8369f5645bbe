import { spawnSync } from "node:child_process";

/** GDAL's Python, where this machine has it: an oracle for tests, never a dependency. */
const python = ["python3", "/usr/bin/python3"].find(
  (candidate) => spawnSync(candidate, ["-c", "from osgeo import gdal, ogr; import osgeo_utils"]).status === 0,
);

/** Whether GDAL is here; says on stderr what is skipped when it is not. */
export function hasGdal(what: string): boolean {
  if (python === undefined) process.stderr.write(`skipped: ${what} (needs GDAL's Python, python3-gdal)\n`);
  return python !== undefined;
}

/** Runs Python with GDAL; `input` is its JSON argument `args`, and what it prints last is parsed as JSON. */
export function runGdal<T>(script: string, input: unknown): T {
  const setup =
    "import sys, json, hashlib\nfrom osgeo import gdal, ogr, osr\nargs = json.loads(sys.stdin.read())\n";
  const run = spawnSync(python!, ["-c", setup + script], {
    input: JSON.stringify(input),
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (run.status !== 0) throw new Error(run.stderr);
  return JSON.parse(run.stdout.trim().split("\n").at(-1)!) as T;
}
