import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const packages = fileURLToPath(new URL("./packages/", import.meta.url));

/** Tests run against the sources: no build is needed between an edit and a test. */
export const sourceAliases = [
  { find: /^@glof\/([^/]+)$/, replacement: `${packages}$1/src/index.ts` },
  { find: /^@glof\/([^/]+)\/node$/, replacement: `${packages}$1/src/node.ts` },
];

export default defineConfig({
  resolve: { alias: sourceAliases },
  test: {
    // Forks, not threads: a worker thread's process.env is a copy, and the Vulkan loader reads the real one.
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    include: ["packages/*/src/**/*.test.ts", "conformance/src/**/*.test.ts"],
  },
});
