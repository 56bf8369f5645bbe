// Uses the built page as a person would, in the headless Chromium of the tests, and takes a picture of it:
// tsx scripts/take_screenshot.ts [--out page.png] [--scene scene.tif] [--model bundle.safetensors] [--backend wasm]
// [--seed 3] [--side 512] [--dark]
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chromium, type Page } from "playwright-core";
import { preview } from "vite";
import { chromiumForTests } from "../../../packages/test-kit/src/chromium.js";

const { values: options } = parseArgs({
  options: {
    out: {
      type: "string",
      default: fileURLToPath(new URL("../../../docs/images/web-app.png", import.meta.url)),
    },
    scene: { type: "string" },
    model: { type: "string" },
    backend: { type: "string", default: "automatic" },
    seed: { type: "string", default: "3" },
    side: { type: "string", default: "512" },
    dark: { type: "boolean", default: false },
  },
});

const launch = await chromiumForTests();
if (!launch) throw new Error("No Chromium for this machine: set GLOF_TEST_CHROMIUM.");
const root = fileURLToPath(new URL("../", import.meta.url));
const server = await preview({ root, preview: { port: 0, host: "127.0.0.1" }, logLevel: "warn" });
const browser = await chromium.launch({ ...launch, headless: true });
try {
  const page = await browser.newPage({
    // The picture takes its height from the window: this one keeps the file small.
    viewport: { width: 980, height: 465 },
    colorScheme: options.dark ? "dark" : "light",
  });
  page.on("console", (message) => console.log(`page ${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => console.log(`page error: ${error.stack}`));
  await page.goto(server.resolvedUrls?.local[0] ?? "");
  await mapScene(page);
  await page.screenshot({ path: options.out, fullPage: true });
} finally {
  await browser.close();
  await server.close();
}

/** Chooses or makes a scene, runs the model and says what the page says. */
async function mapScene(page: Page): Promise<void> {
  if (options.model) await page.setInputFiles("#model-file", options.model);
  if (options.scene) await page.setInputFiles("#scene-file", options.scene);
  else {
    await page.fill("#demo-seed", options.seed);
    await page.selectOption("#demo-side", options.side);
    await page.click("#make-demo");
  }
  // It is enabled from the click until the work is done.
  const idle = page.locator("#cancel:disabled");
  await idle.waitFor({ timeout: 120_000 });
  console.log(await page.textContent("#scene-fact"));
  if (await page.isVisible("#error")) return console.log(await page.textContent("#error"));
  await page.selectOption("#backend", options.backend);
  await page.click("#run");
  await idle.waitFor({ timeout: 600_000 });
  for (const id of ["#status", "#backend-fact", "#error", "caption"]) console.log(await page.textContent(id));
}
