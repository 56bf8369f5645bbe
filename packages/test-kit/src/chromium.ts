import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { unpackOnce } from "./unpack_archive.js";

/** How to launch the headless Chromium of the tests; the fields are those of Playwright's `launch`. */
export interface ChromiumLaunch {
  readonly executablePath: string;
  readonly args: string[];
  readonly env: Record<string, string>;
}

/** WebGPU on the software driver, in a sandbox-less headless process that makes no calls home. */
const args = [
  "--no-sandbox",
  "--disable-dev-shm-usage",
  "--enable-unsafe-webgpu",
  "--enable-features=Vulkan",
  "--use-webgpu-adapter=swiftshader",
  "--use-vulkan=swiftshader",
  "--use-angle=swiftshader",
  // As runtime does in Node: SwiftShader compiles the extension to a store per number of workgroup memory.
  "--disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension",
  "--ignore-gpu-blocklist",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
] as const;

/**
 * Chromium out of `@sparticuz/chromium`, unpacked once into the cache of node_modules with the shared libraries and the
 * fonts that a bare machine lacks. An own one is used instead when `GLOF_TEST_CHROMIUM` names its executable.
 *
 * @returns `undefined` where the package holds no build for this machine (anything but Linux on x64)
 */
export async function chromiumForTests(): Promise<ChromiumLaunch | undefined> {
  const own = process.env.GLOF_TEST_CHROMIUM;
  if (own) return { executablePath: own, args: [...args], env: environment({}) };
  if (process.platform !== "linux" || process.arch !== "x64") return undefined;
  // Chromium looks for the software driver beside its executable.
  const folder = await unpackOnce("chromium", [
    "chromium.br",
    "swiftshader.tar.br",
    "al2023.tar.br",
    "fonts.tar.br",
  ]);
  const libraries = [join(folder, "lib"), folder, process.env.LD_LIBRARY_PATH].filter(Boolean);
  return {
    executablePath: join(folder, "chromium"),
    args: [...args],
    env: environment({
      LD_LIBRARY_PATH: libraries.join(delimiter),
      FONTCONFIG_FILE: await fontSettings(folder),
    }),
  };
}

/** Playwright replaces the whole environment of the browser by what it is given. */
function environment(more: Record<string, string>): Record<string, string> {
  const inherited = Object.entries(process.env).filter((entry): entry is [string, string] =>
    Boolean(entry[1]),
  );
  return { ...Object.fromEntries(inherited), ...more };
}

/** The package's own font settings name folders of another system. */
async function fontSettings(folder: string): Promise<string> {
  const path = join(folder, "glof_fonts.conf");
  if (!existsSync(path)) {
    const content = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>${folder}/fonts</dir><dir>/usr/share/fonts</dir><cachedir>${folder}/cache</cachedir></fontconfig>
`;
    await writeFile(path, content);
  }
  return path;
}
