// Runs the golden cases on each backend. Absent fixtures are a skip on a user's machine and a failure where CI is set.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root, run } from "./workspace.mjs";

const fixtures = join(root, "..", "shared", "fixtures");
if (!existsSync(fixtures)) {
  console.log(`skipped: ${fixtures} is absent`);
  process.exit(process.env.CI ? 1 : 0);
}
let failed = 0;
for (const backend of ["cpu", "wasm", "webgpu"]) {
  console.log(`\n-- ${backend}`);
  failed +=
    (await run("tsx", ["conformance/src/main.ts", "--fixtures", fixtures, "--backend", backend])) === 0
      ? 0
      : 1;
}
process.exitCode = failed === 0 ? 0 : 1;
