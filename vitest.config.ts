import { playwright } from "@vitest/browser-playwright";
import { defineConfig, type TestProjectConfiguration } from "vitest/config";
import { chromiumForTests } from "./packages/test-kit/src/chromium.js";
import { sourceAliases } from "./source_aliases.js";

const timeouts = { testTimeout: 60_000, hookTimeout: 60_000 };

const inNode: TestProjectConfiguration = {
  resolve: { alias: sourceAliases },
  test: {
    name: "node",
    // Forks, not threads: a worker thread's process.env is a copy, and the Vulkan loader reads the real one.
    pool: "forks",
    ...timeouts,
    include: ["packages/*/src/**/*.test.ts", "conformance/src/**/*.test.ts", "bench/src/**/*.test.ts"],
    exclude: ["**/*.browser.test.ts", "**/node_modules/**"],
  },
};

/** Headless Chromium on a software GPU; `undefined` on a machine that the npm package has no build for. */
async function inBrowser(): Promise<TestProjectConfiguration | undefined> {
  const launchOptions = await chromiumForTests();
  if (!launchOptions) {
    if (process.env.CI) throw new Error("No Chromium for this machine, and CI may not skip what needs it.");
    process.stderr.write(
      "skipped: tests in a browser: no Chromium for this machine (set GLOF_TEST_CHROMIUM)\n",
    );
    return undefined;
  }
  return {
    resolve: { alias: sourceAliases },
    // Found while a test runs, a new dependency would reload the page under it.
    optimizeDeps: {
      include: [
        "@tensorflow/tfjs-core",
        "@tensorflow/tfjs-backend-cpu",
        "@tensorflow/tfjs-backend-wasm",
        "@tensorflow/tfjs-backend-webgpu",
      ],
    },
    test: {
      name: "browser",
      ...timeouts,
      include: ["packages/*/src/**/*.browser.test.ts", "apps/*/src/**/*.browser.test.ts"],
      browser: {
        enabled: true,
        headless: true,
        screenshotFailures: false,
        provider: playwright({ launchOptions }),
        instances: [{ browser: "chromium" }],
      },
    },
  };
}

export default defineConfig(async () => {
  const browser = await inBrowser();
  return { test: { maxWorkers: 2, projects: browser ? [inNode, browser] : [inNode] } };
});
