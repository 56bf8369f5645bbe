// Runs every numbered example against the built packages, as a user would: `node examples/01_….mjs`.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { root, run } from "./workspace.mjs";

const examples = readdirSync(join(root, "examples"))
  .filter((name) => /^\d\d_.*\.(mjs|ts)$/.test(name))
  .sort();
let failed = 0;
for (const name of examples) {
  console.log(`\n-- ${name}`);
  const started = Date.now();
  const code = await run(name.endsWith(".ts") ? "tsx" : "node", [join("examples", name)]);
  if (code !== 0) failed++;
  console.log(
    `-- ${name}: ${code === 0 ? "ok" : `FAILED (exit code ${code})`}, ${((Date.now() - started) / 1000).toFixed(1)} s`,
  );
}
if (examples.length === 0) {
  console.error("no example found in examples/");
  failed++;
}
process.exitCode = failed === 0 ? 0 : 1;
